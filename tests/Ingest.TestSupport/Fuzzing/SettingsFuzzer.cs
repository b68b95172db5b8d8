using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Judges what becomes of bodies under settings that change how a body is read (<see cref="FuzzedTable.Others"/>), and in every encoding.
/// </summary>
internal sealed class SettingsFuzzer(int seed)
{
    private const double Good = 4_711;
    private static readonly DateTime Stamp = new(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc);

    private static readonly Encoding[] Wide =
        [Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32, new UTF32Encoding(bigEndian: true, byteOrderMark: true)];

    // Good in every one of the mappings without an envelope, and in each of them with one.
    private static readonly string[] GoodBodies =
    [
        """{"temperature":4711}""",
        """{"metrics":[{"temperature":4711}]}""",
        """{"data":{"temperature":4711}}""",
        """{"data":{"temperature":4711}}""",
        """{"Body":{"temperature":4711}}""",
    ];

    private readonly Random _random = new(seed);
    private readonly (TelemetrySettings Settings, BatchDecoder Decoder)[] _others =
        [.. FuzzedTable.Others().Select(settings => (settings, Decoder(settings)))];

    private readonly BatchDecoder _plain = Decoder(FuzzedTable.Narrow());

    /// <returns>Null, or what went wrong.</returns>
    public string? Judge(byte[] body)
    {
        for (var index = 0; index < _others.Length; index++)
        {
            var (settings, decoder) = _others[index];
            var good = Encoding.UTF8.GetBytes(GoodBodies[index]);
            using var batch = decoder.Decode([Message(good), Message(body), Message(good)]);
            var temperatures = (ValueColumn<double>)batch.Readings.Columns[0];
            var neighbours = Enumerable.Range(0, batch.Readings.Count).Where(row => batch.Readings.EventIndexes[row] != 1).ToList();
            var expected = Math.Max(1, Expected(settings, body) ?? 1);
            if (neighbours.Count != 2 || neighbours.Exists(row => temperatures.IsNull(row) || temperatures.Values[row] != Good))
            {
                return $"its neighbour was disturbed by settings {index}";
            }

            if (settings.Envelope == Envelope.None ? batch.Received != expected + 2 : batch.Received < 3)
            {
                return $"{batch.Received - 2} received instead of {expected} by settings {index}";
            }

            var numbers = Enumerable.Range(0, batch.Readings.Count)
                .Where(row => batch.Readings.EventIndexes[row] == 1)
                .Select(row => batch.Readings.ElementIndexes[row])
                .Concat(batch.Rejections.Where(rejection => rejection.EventIndex == 1).Select(rejection => rejection.ElementIndex))
                .ToList();
            if (numbers.Distinct().Count() != numbers.Count)
            {
                return $"two of its readings have one number by settings {index}";
            }
        }

        return JudgeEncodings(body);
    }

    // The same text is the same readings, however it is encoded.
    private string? JudgeEncodings(byte[] body)
    {
        string text;
        try
        {
            text = new UTF8Encoding(false, true).GetString(body is [0xef, 0xbb, 0xbf, ..] ? body[3..] : body);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }

        // Without a mark an encoding is told by the first two characters.
        if (text.Length < 2 || text[0] is '\0' or > '\x7f' || text[1] is '\0')
        {
            return null;
        }

        var encoding = Wide[_random.Next(Wide.Length)];
        byte[] encoded = [.. _random.Next(2) == 0 ? encoding.GetPreamble() : [], .. encoding.GetBytes(text)];
        var packed = _random.Next(4) switch
        {
            0 => (Compress(encoded, target => new GZipStream(target, CompressionLevel.Fastest, true)), (string?)null),
            1 => (Compress(encoded, target => new DeflateStream(target, CompressionLevel.Fastest, true)), "deflate"),
            2 => (Compress(encoded, target => new ZLibStream(target, CompressionLevel.Fastest, true)), "deflate"),
            _ => (encoded, "utf-16"),
        };
        using var plain = _plain.Decode([Message(Encoding.UTF8.GetBytes(text))]);
        using var other = _plain.Decode([Message(packed.Item1, packed.Item2)]);
        return Outcome(plain) == Outcome(other)
            ? null
            : $"in {encoding.WebName}, {packed.Item2}, it is {Outcome(other)} and not {Outcome(plain)}";
    }

    private static string Outcome(DecodedBatch batch) =>
        string.Join(
            ';',
            Enumerable.Range(0, batch.Readings.Count)
                .Select(row => string.Join(',', batch.Readings.Columns.Select(column => ColumnValues.Of(column, row))))
                .Concat(batch.Rejections.Select(rejection => $"{rejection.ElementIndex} {rejection.Reason}")));

    // How many readings an independent reader finds; null where the body is no JSON.
    private static int? Expected(TelemetrySettings settings, byte[] body)
    {
        if (ReferenceBody.Parse(body) is not { } reference)
        {
            return null;
        }

        return settings.Readings is null ? reference.Readings.Count
            : reference.Roots.Sum(root => Last(root, "metrics") switch
            {
                { ValueKind: JsonValueKind.Array } metrics => metrics.GetArrayLength(),
                { ValueKind: JsonValueKind.Null } => 0,
                _ => 1,
            });
    }

    private static JsonElement? Last(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object ? DecoderFuzzer.Last(root, name) : null;

    private static byte[] Compress(byte[] text, Func<Stream, Stream> open)
    {
        using var result = new MemoryStream();
        using (var stream = open(result))
        {
            stream.Write(text);
        }

        return result.ToArray();
    }

    private static BatchDecoder Decoder(TelemetrySettings settings) =>
        new(TelemetryMapping.Create(settings), settings, TimeProvider.System);

    private static RawEvent Message(byte[] body, string? encoding = null) => new()
    {
        Hub = "fuzz",
        Partition = "0",
        DeviceId = "dev-1",
        RowTime = Stamp,
        EnqueuedTime = Stamp,
        ContentEncoding = encoding,
        Body = body,
    };
}
