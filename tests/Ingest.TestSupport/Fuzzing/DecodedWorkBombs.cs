using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>Small bodies, and messages, that hold much work.</summary>
public static class DecodedWorkBombs
{
    /// <summary>Readings of the bodies that hold many.</summary>
    public const int Readings = 9_999;

    /// <summary>61 bytes: nine thousand nine hundred and ninety-nine elements, and none is a reading.</summary>
    public static readonly byte[] Invalid = Gzip($"[{Many("1")}]");

    /// <summary>As many readings, all equal.</summary>
    public static readonly byte[] Equal = Gzip($"[{Many("""{"temperature":1}""")}]");

    /// <summary>As many readings, all different: a thousand fit in the stamp's millisecond.</summary>
    public static readonly byte[] Different =
        Gzip($"[{string.Join(',', Enumerable.Range(0, Readings).Select(Temperature))}]");

    /// <summary>Bodies that are small and mean much, each with its content-encoding.</summary>
    public static IReadOnlyList<(byte[] Body, string? Encoding)> Bodies { get; } =
    [
        (Invalid, "gzip"),
        (Equal, "gzip"),
        (Different, "gzip"),
        (Gzip($"[{Many("""{"temperature":"x"}""")}]"), "gzip"),
        (Gzip($"[{Many("""{"device":"other"}""")}]"), "gzip"),
        (Gzip($"[{Many("1")},{Many("1")}]"), "gzip"),
        (Gzip($"[{Many("1")},"), "gzip"),
        (Gzip($$"""{"data":[{{string.Join(',', Enumerable.Repeat("1e131071", 9_000))}}]}"""), "gzip"),
        (Gzip($$$"""{"data":{"a":[{{{string.Join(',', Enumerable.Repeat("-1e-16383", 9_000))}}}],"a":1}}"""), "gzip"),
        (Gzip($"[{string.Join(',', Enumerable.Repeat("""{"data":[1e131071,1e-16383]}""", 500))}]"), "gzip"),
        (Gzip($$"""{"data":{{new string('[', 60)}}{{new string(']', 60)}}}"""), "gzip"),
        (Gzip($$"""{"data":{{new string('[', 100_000)}}{{new string(']', 100_000)}}}"""), "gzip"),
        (Gzip(new string('[', 1_000_000)), "gzip"),
        (Gzip($$"""{"site":"{{new string('s', 1_000_000)}}"}"""), "gzip"),
        (Gzip($$"""{"site":"{{string.Concat(Enumerable.Repeat("\\u00e9", 100_000))}}"}"""), "gzip"),
        (Gzip($$"""{"data":"{{string.Concat(Enumerable.Repeat("\\u0001", 100_000))}}"}"""), "gzip"),
        (Gzip($$"""{"{{new string('n', 1_000_000)}}":1}"""), "gzip"),
        (Gzip($"{{{string.Join(',', Enumerable.Range(0, 50_000).Select(number => $"\"{49_999 - number}\":{number}"))}}}"), "gzip"),
        (Gzip($"{{{string.Join(',', Enumerable.Repeat("\"temperature\":1e999999999999999999999", 20_000))},\"temperature\":1}}"), "gzip"),
        (Gzip($$"""{"temperature":{{new string('9', 1_000_000)}}}"""), "gzip"),
        (Gzip($$"""{"count":1{{new string('0', 500_000)}}e-500000}"""), "gzip"),
        (Gzip(new string(' ', 2_000_000)), "gzip"),
        (Gzip(new string('\0', 1_000_000)), "gzip"),
        (Encoding.UTF8.GetBytes(new string('[', 200_000)), null),
        (Encoding.UTF8.GetBytes($"[{Many("""{"site":"a"}""")}]"), null),
        ("{}"u8.ToArray(), new string('g', 100_000)),
    ];

    private static string Many(string element) => string.Join(',', Enumerable.Repeat(element, Readings));

    private static byte[] Gzip(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return compressed.ToArray();
    }

    private static string Temperature(int number) => string.Create(CultureInfo.InvariantCulture, $"{{\"temperature\":{number}}}");
}
