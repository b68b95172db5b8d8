using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Ingest.Decode;

/// <summary>
/// The sentence about a reading of which nothing is taken: what it has in place of what is mapped. Looked for are the mapped places in
/// other cases, further inside and in arrays, and the envelopes that bodies come in.
/// </summary>
internal static class NearestMiss
{
    /// <summary>How many names of a reading are looked at.</summary>
    private const int MostNames = 1_000;

    private const int MostShown = 3;
    private const int LongestPath = 128;

    // The better ones first.
    private enum Kind
    {
        NotFromRoot,
        OtherCase,
        Inside,
        InsideInOtherCase,
        None,
    }

    /// <param name="mapping">What is mapped.</param>
    /// <param name="reading">An object, valid JSON to its end.</param>
    public static string Sentence(TelemetryMapping mapping, ReadOnlySpan<byte> reading)
    {
        var reader = new Utf8JsonReader(reading);
        using var document = JsonDocument.ParseValue(ref reader);
        return $"Nothing that is mapped ({Listed(mapping.Names)}) is in the reading{Found(mapping, document.RootElement)}";
    }

    private static string Found(TelemetryMapping mapping, JsonElement reading)
    {
        var names = reading.EnumerateObject().Take(MostNames).Select(NameOf).ToList();
        if (EnvelopeOf(names) is { } envelope)
        {
            return $": it is an envelope of {envelope}, which Telemetry:Envelope takes off.";
        }

        var search = new Search(mapping.Names);
        search.Look(reading, "");
        return search.Best switch
        {
            Kind.NotFromRoot => $": it has {RejectionText.Quote(search.Path)}, and $ is the body's root and not its readings.",
            Kind.OtherCase => $": it has {RejectionText.Quote(search.Path)}, and names match exactly without Telemetry:IgnoreCase.",
            Kind.Inside => $": it has {RejectionText.Quote(search.Path)}, further inside.",
            Kind.InsideInOtherCase => $": it has {RejectionText.Quote(search.Path)}, further inside, and names match exactly.",
            _ => names.Count == 0 ? ", which is empty." : $", which has {Listed(names)}.",
        };
    }

    private static string? EnvelopeOf(IReadOnlyList<string> names) =>
        names.Contains("specversion") && (names.Contains("data") || names.Contains("data_base64")) ? "CloudEvents"
        : names.Contains("eventType") && names.Contains("data") ? "Event Grid"
        : names.Contains("SystemProperties") && names.Contains("Body") ? "IoT Hub's routing"
        : null;

    /// <summary>The first of some names.</summary>
    public static string Listed(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(MostShown).Select(RejectionText.Quote)) + (names.Count > MostShown ? ", …" : "");

    // Unescaped: an escape can be half of a surrogate pair, which no string can hold.
    private static string NameOf(JsonProperty property)
    {
        var name = JsonMarshal.GetRawUtf8PropertyName(property);
        return Encoding.UTF8.GetString(name[..Math.Min(name.Length, LongestPath)]);
    }

    private sealed class Search(IReadOnlyList<string> wanted)
    {
        private int _names;

        public Kind Best { get; private set; } = Kind.None;

        public string Path { get; private set; } = "";

        public void Look(JsonElement value, string path)
        {
            if (path.Length > LongestPath)
            {
                return;
            }

            if (value.ValueKind == JsonValueKind.Object)
            {
                foreach (var property in value.EnumerateObject().TakeWhile(_ => _names++ < MostNames))
                {
                    var name = NameOf(property);
                    var inner = path.Length == 0 ? name : $"{path}.{name}";
                    Compare(inner);
                    Look(property.Value, inner);
                }
            }
            else if (value.ValueKind == JsonValueKind.Array)
            {
                foreach (var (index, element) in value.EnumerateArray().TakeWhile(_ => _names++ < MostNames).Index())
                {
                    Look(element, $"{path}[{index}]");
                }
            }
        }

        private void Compare(string path)
        {
            foreach (var place in wanted)
            {
                var kind = place.StartsWith("$.", StringComparison.Ordinal) && path == place[2..] ? Kind.NotFromRoot
                    : path.Equals(place, StringComparison.OrdinalIgnoreCase) ? Kind.OtherCase
                    : !path.EndsWith("." + place, StringComparison.OrdinalIgnoreCase) ? Kind.None
                    : path.EndsWith(place, StringComparison.Ordinal) ? Kind.Inside
                    : Kind.InsideInOtherCase;
                if (kind < Best)
                {
                    (Best, Path) = (kind, path);
                }
            }
        }
    }
}
