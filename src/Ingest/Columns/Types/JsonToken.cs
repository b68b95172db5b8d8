using System.Text.Json;

namespace Ingest.Columns.Types;

/// <summary>A JSON value as it stands in the body.</summary>
/// <param name="type">Its kind, of an object or an array the opening bracket's.</param>
/// <param name="text">Its text; of a string, what is between the quotes.</param>
/// <param name="isEscaped">Whether it is a string with escapes in it.</param>
internal readonly ref struct JsonToken(JsonTokenType type, ReadOnlySpan<byte> text, bool isEscaped)
{
    public JsonTokenType Type { get; } = type;

    public ReadOnlySpan<byte> Text { get; } = text;

    public bool IsEscaped { get; } = isEscaped;
}
