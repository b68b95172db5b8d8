using System.Buffers.Text;
using System.Text.Json;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>bigint: numbers whose fraction is zero (<c>1.0</c>, <c>1e3</c>).</summary>
internal sealed class BigintType() : SqlType<long>("bigint", "a whole number (bigint)")
{
    public override ColumnCodec CreateCodec() => new ValueCodec<long>(NpgsqlDbType.Bigint);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out long value) => Whole(json, out value);

    public override ValueFault Read(object property, ValueScratch scratch, out long value) => NumberProperties.ToInt64(property, out value);

    /// <summary>The whole number of JSON, for integers of any width.</summary>
    public static ValueFault Whole(in JsonToken json, out long value)
    {
        value = 0;
        if (json.Type != JsonTokenType.Number)
        {
            return ValueFault.WrongType;
        }

        if (Utf8Parser.TryParse(json.Text, out value, out var read) && read == json.Text.Length)
        {
            return ValueFault.None;
        }

        var number = new JsonNumber(json.Text);
        return !number.IsWhole ? ValueFault.WrongType
            : number.TryGetInt64(out value) ? ValueFault.None
            : ValueFault.OutOfRange;
    }
}
