using System.Text.Json;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>boolean.</summary>
internal sealed class BooleanType() : SqlType<bool>("boolean", "true or false (boolean)")
{
    public override ColumnCodec CreateCodec() => new ValueCodec<bool>(NpgsqlDbType.Boolean);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out bool value)
    {
        value = json.Type == JsonTokenType.True;
        return value || json.Type == JsonTokenType.False ? ValueFault.None : ValueFault.WrongType;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out bool value)
    {
        value = property is true;
        return property is bool ? ValueFault.None : ValueFault.WrongType;
    }
}
