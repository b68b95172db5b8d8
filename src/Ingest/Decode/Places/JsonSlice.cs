using System.Text;
using System.Text.Json;

namespace Ingest.Decode.Places;

/// <summary>Where in a body a JSON value stands that has been read once and is valid.</summary>
/// <param name="Start">Its first byte.</param>
/// <param name="Length">Its length in bytes.</param>
internal readonly record struct JsonSlice(int Start, int Length)
{
    // Deeper values are refused by their readings, and not by the reader.
    private static readonly JsonReaderOptions Unbounded = new() { MaxDepth = int.MaxValue };

    /// <summary>The value's bytes.</summary>
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> body) => body.Slice(Start, Length);

    /// <summary>A reader that stands at the value's first token; what it says of positions is counted from <see cref="Start"/>.</summary>
    public Utf8JsonReader Read(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(Of(body), Unbounded);
        reader.Read();
        return reader;
    }

    /// <summary>The value that <paramref name="step"/> leads to; of repeated names the last.</summary>
    /// <returns>Null where there is none.</returns>
    public JsonSlice? Into(ReadOnlySpan<byte> body, PlaceStep step, bool ignoresCase)
    {
        var reader = Read(body);
        JsonSlice? found = null;
        if (step.Name is not null && reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = IsNamed(ref reader, step.Name, ignoresCase);
                reader.Read();
                var value = Take(ref reader);
                found = isIt ? value : found;
            }
        }
        else if (step.Name is null && reader.TokenType == JsonTokenType.StartArray)
        {
            for (var index = 0; index <= step.Index && reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
            {
                var value = Take(ref reader);
                found = index == step.Index ? value : null;
            }
        }

        return found;
    }

    /// <summary>The value that the reader stands before, which it passes over.</summary>
    /// <param name="reader">A reader of <see cref="Read"/>.</param>
    public JsonSlice Take(ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return new JsonSlice(Start + start, (int)reader.BytesConsumed - start);
    }

    // An escape that is half of a surrogate pair makes a name that no place has.
    private static bool IsNamed(ref Utf8JsonReader reader, string name, bool ignoresCase)
    {
        if (!ignoresCase && !reader.ValueIsEscaped)
        {
            return reader.ValueTextEquals(name);
        }

        if (reader.ValueSpan.Length > 6 * Encoding.UTF8.GetByteCount(name))
        {
            return false;
        }

        Span<byte> unescaped = new byte[reader.ValueSpan.Length];
        return Columns.JsonEscapes.TryUnescape(reader.ValueSpan, unescaped, out var length)
            && Encoding.UTF8.GetString(unescaped[..length]).Equals(
                name, ignoresCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
    }
}
