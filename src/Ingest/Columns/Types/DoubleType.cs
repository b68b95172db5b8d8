using System.Buffers.Text;
using System.Text.Json;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>double precision: the nearest value; too small becomes 0, too large is out of range.</summary>
internal sealed class DoubleType() : SqlType<double>("double precision", "a number (double precision)")
{
    public override ColumnCodec CreateCodec() => new ValueCodec<double>(NpgsqlDbType.Double);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out double value)
    {
        value = 0;
        return json.Type != JsonTokenType.Number ? ValueFault.WrongType
            : Utf8Parser.TryParse(json.Text, out value, out _) && double.IsFinite(value) ? ValueFault.None
            : ValueFault.OutOfRange;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out double value) => NumberProperties.ToDouble(property, out value);
}
