using System.Text.Json;
using System.Text.Unicode;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>A body as an independent reader reads it: the readings of all the values that follow one another in it.</summary>
public sealed record ReferenceBody(IReadOnlyList<JsonElement> Readings, IReadOnlyList<JsonElement> Roots)
{
    private static readonly JsonReaderOptions Several = new() { MaxDepth = 2_000_000, AllowMultipleValues = true };

    /// <summary>Null where it is no JSON.</summary>
    public static ReferenceBody? Parse(byte[] body)
    {
        var text = body.AsSpan(body is [0xef, 0xbb, 0xbf, ..] ? 3 : 0);
        if (!Utf8.IsValid(text))
        {
            return null;
        }

        List<JsonElement> readings = [];
        List<JsonElement> roots = [];
        try
        {
            var reader = new Utf8JsonReader(text, Several);
            while (reader.Read())
            {
                var value = JsonElement.ParseValue(ref reader);
                roots.Add(value);
                if (value.ValueKind == JsonValueKind.Array)
                {
                    readings.AddRange(value.EnumerateArray());
                }
                else
                {
                    readings.Add(value);
                }
            }

            return roots.Count == 0 ? null : new ReferenceBody(readings, roots);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
