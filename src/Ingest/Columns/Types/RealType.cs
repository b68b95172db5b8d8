using System.Buffers.Text;
using System.Text.Json;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>real: of JSON the nearest value (too small becomes 0, too large is out of range), of a property the equal one.</summary>
internal sealed class RealType() : SqlType<float>("real", "a number (real)")
{
    public override ColumnCodec CreateCodec() => new ValueCodec<float>(NpgsqlDbType.Real);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out float value)
    {
        value = 0;
        return json.Type != JsonTokenType.Number ? ValueFault.WrongType
            : Utf8Parser.TryParse(json.Text, out value, out _) && float.IsFinite(value) ? ValueFault.None
            : ValueFault.OutOfRange;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out float value)
    {
        var fault = NumberProperties.ToDouble(property, out var wide);
        value = (float)wide;
        return fault != ValueFault.None ? fault
            : float.IsInfinity(value) && double.IsFinite(wide) ? ValueFault.OutOfRange
            : ((double)value).Equals(wide) ? ValueFault.None
            : ValueFault.WrongType;
    }
}
