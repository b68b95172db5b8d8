using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>integer: numbers whose fraction is zero (<c>1.0</c>, <c>1e3</c>).</summary>
internal sealed class IntegerType() : SqlType<int>("integer", "a whole number (integer)")
{
    public override ColumnCodec CreateCodec() => new ValueCodec<int>(NpgsqlDbType.Integer);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out int value) => Narrow(BigintType.Whole(json, out var whole), whole, out value);

    public override ValueFault Read(object property, ValueScratch scratch, out int value) =>
        Narrow(NumberProperties.ToInt64(property, out var whole), whole, out value);

    private static ValueFault Narrow(ValueFault fault, long whole, out int value)
    {
        value = unchecked((int)whole);
        return fault != ValueFault.None ? fault
            : value == whole ? ValueFault.None
            : ValueFault.OutOfRange;
    }
}
