using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Feeds mutated bodies to a decoder, each between two good ones, and judges what comes out by reading the same body with
/// <see cref="JsonDocument"/>: how many readings it has, which are taken, and what was taken of them.
/// </summary>
public sealed class DecoderFuzzer(int seed)
{
    private const int BatchSize = 200;
    private const double Good = 4_711;

    // A bomb takes as long as thousands of other bodies.
    private const int BodiesToABomb = 1_000;

    private const int LongestBody = 256 * 1024;
    private const int LongestText = 1024 * 1024;
    private const int MostReadings = 10_000;
    private const int MostRejections = 100;

    // What the narrow mapping takes.
    private static readonly string[] Taken = ["temperature", "humidity"];

    private static readonly DateTime Stamp = new(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc);
    private static readonly byte[] GoodBody = Encoding.UTF8.GetBytes("""{"temperature":4711}""");

    private readonly SettingsFuzzer _settings = new(seed);
    private readonly BodyMutator _bodies = new(seed);
    private readonly BombMutator _bombs = new(seed);
    private readonly BatchDecoder _narrow = Decoder(FuzzedTable.Narrow());
    private readonly BatchDecoder _wide = Decoder(FuzzedTable.Wide());

    private readonly Dictionary<RejectReason, long> _reasons = [];

    public long Bodies { get; private set; }

    /// <summary>Bodies besides that are small and mean much.</summary>
    public long Bombs { get; private set; }

    public long Stored { get; private set; }

    public long Rejected { get; private set; }

    public long Ignored { get; private set; }

    /// <summary>Rejections by reason.</summary>
    public IReadOnlyDictionary<RejectReason, long> Reasons => _reasons;

    /// <summary>Decodes <paramref name="bodies"/> more bodies.</summary>
    /// <returns>Null, or what went wrong and the body, in base64, that shows it.</returns>
    public string? Run(int bodies)
    {
        for (var done = 0; done < bodies; done += BatchSize)
        {
            var mutated = Enumerable.Range(0, Math.Min(BatchSize, bodies - done)).Select(_ => _bodies.Next()).ToArray();
            if ((Judge(_narrow, mutated, JudgeNarrow) ?? Judge(_wide, mutated, JudgeWide)) is { } failure)
            {
                return failure;
            }

            foreach (var body in mutated)
            {
                if (_settings.Judge(body) is { } wrong)
                {
                    return Failure(wrong, body);
                }
            }

            Bodies += mutated.Length;
            for (; Bombs < Bodies / BodiesToABomb; Bombs++)
            {
                var bomb = _bombs.Next();
                if ((JudgeBomb(_narrow, bomb) ?? JudgeBomb(_wide, bomb)) is { } wrong)
                {
                    return wrong;
                }
            }
        }

        return null;
    }

    private static BatchDecoder Decoder(TelemetrySettings settings) =>
        new(TelemetryMapping.Create(settings), settings, TimeProvider.System);

    private static RawEvent Message(Bomb bomb) => new()
    {
        Hub = "fuzz",
        Partition = "0",
        DeviceId = "dev-1",
        RowTime = Stamp,
        EnqueuedTime = Stamp,
        ContentEncoding = bomb.ContentEncoding,
        ContentType = bomb.ContentType,
        Body = bomb.Body,
    };

    private static RawEvent Message(byte[] body) =>
        new() { Hub = "fuzz", Partition = "0", DeviceId = "dev-1", RowTime = Stamp, EnqueuedTime = Stamp, Body = body };

    private string? Judge(BatchDecoder decoder, byte[][] bodies, Func<byte[], DecodedBatch, Outcome, string?> judge)
    {
        // The body at 2i+1, good ones around it.
        var events = bodies.SelectMany(body => new[] { Message(GoodBody), Message(body) }).Append(Message(GoodBody)).ToArray();
        using var batch = decoder.Decode(events);
        var rows = Enumerable.Range(0, batch.Readings.Count).ToLookup(row => batch.Readings.EventIndexes[row]);
        var rejections = batch.Rejections.ToLookup(rejection => rejection.EventIndex);
        var temperatures = ((ValueColumn<double>)batch.Readings.Columns[0]).Values;
        var received = 0L;
        for (var i = 0; i < events.Length; i++)
        {
            var outcome = new Outcome([.. rows[i]], [.. rejections[i]]);
            if (i % 2 == 0)
            {
                received++;
                if (outcome is not { Rows: [var good], Rejections: [] } || temperatures[good] != Good)
                {
                    return Failure("its neighbour was disturbed", bodies[Math.Min(i / 2, bodies.Length - 1)]);
                }

                continue;
            }

            var body = bodies[i / 2];
            var expected = Readings(body);
            received += Math.Max(1, expected ?? 1);
            if (outcome.Rows.Length + outcome.Rejections.Length != (expected ?? 1) && expected != 0)
            {
                return Failure(
                    $"{outcome.Rows.Length} rows and {outcome.Rejections.Length} rejections, of {expected?.ToString() ?? "no"} readings",
                    body);
            }

            // What begins as gzip does is read as gzip, and a text cannot begin so.
            var wasTakenForGzip =
                body is [0x1f, 0x8b, ..] && outcome.Rejections is [{ ElementIndex: -1, Reason: RejectReason.BadEncoding }];
            if (expected is null
                && !wasTakenForGzip
                && outcome.Rejections is not
                    [{ ElementIndex: -1, Reason: RejectReason.NotJson or RejectReason.TooDeep or RejectReason.NotObject }])
            {
                return Failure("it is no JSON, and was not rejected whole", body);
            }

            if (outcome.Rejections.FirstOrDefault(rejection => rejection.Detail.Length is < 5 or > 300
                || rejection.Detail.Any(char.IsControl)) is { Detail: { } detail })
            {
                return Failure($"a detail of the wrong shape: {detail}", body);
            }

            if (judge(body, batch, outcome) is { } failure)
            {
                return Failure(failure, body);
            }

            foreach (var rejection in outcome.Rejections)
            {
                _reasons[rejection.Reason] = _reasons.GetValueOrDefault(rejection.Reason) + 1;
            }
        }

        Stored += batch.Readings.Count - bodies.Length - 1;
        Rejected += batch.Rejections.Count;
        Ignored += batch.Ignored;
        return batch.Received == received ? null : Failure(
            $"{batch.Received} received instead of {received}, somewhere in the batch of", bodies[0]);
    }

    /// <summary>How many readings a message is received as.</summary>
    internal static long Received(Bomb bomb)
    {
        if (bomb.Text is null || bomb.Body.Length > LongestBody || bomb.Text.Length > LongestText)
        {
            return 1;
        }

        return Readings(bomb.Text) is { } readings and > 0 and <= MostReadings ? readings : 1;
    }

    // All of its readings are somewhere, few of them as objects, and its neighbours are as they were.
    private static string? JudgeBomb(BatchDecoder decoder, Bomb bomb)
    {
        using var batch = decoder.Decode([Message(GoodBody), Message(bomb), Message(GoodBody)]);
        var temperatures = ((ValueColumn<double>)batch.Readings.Columns[0]).Values;
        var expected = Received(bomb);
        var neighbours = Enumerable.Range(0, batch.Readings.Count).Count(row => batch.Readings.EventIndexes[row] != 1);
        return batch.Received != expected + 2 ? Failure($"{batch.Received - 2} received instead of {expected}", bomb.Body)
            : neighbours != 2 || temperatures[0] != Good || temperatures[batch.Readings.Count - 1] != Good ? Failure(
                "its neighbour was disturbed", bomb.Body)
            : batch.Rejections.Count > MostRejections || batch.Counts.Count > 10 ? Failure(
                $"{batch.Rejections.Count} rejections and {batch.Counts.Count} counts were made", bomb.Body)
            : batch.Rejections.FirstOrDefault(rejection => rejection.Detail.Length is < 5 or > 400
                || rejection.Detail.Any(char.IsControl)) is { Detail: { } detail }
                    ? Failure($"a detail of the wrong shape: {detail}", bomb.Body)
            : null;
    }

    /// <summary>How many readings the body holds; null where it is no JSON.</summary>
    internal static int? Readings(byte[] body) => ReferenceBody.Parse(body)?.Readings.Count;

    private static JsonElement Element(ReferenceBody? body, int element) => body!.Readings[Math.Max(0, element)];

    private static string? JudgeNarrow(byte[] body, DecodedBatch batch, Outcome outcome)
    {
        var document = ReferenceBody.Parse(body);
        foreach (var row in outcome.Rows)
        {
            var reading = Element(document, batch.Readings.ElementIndexes[row]);
            if (!Taken.Any(name => Last(reading, name) is not null))
            {
                return "nothing of it is mapped, and it was stored";
            }

            for (var column = 0; column < 2; column++)
            {
                var values = (ValueColumn<double>)batch.Readings.Columns[column];
                double? taken = values.IsNull(row) ? null : values.Values[row];
                double? there = Last(
                    reading, values.Definition.Name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;
                if (!Nullable.Equals(taken, there))
                {
                    return $"{values.Definition.Name} is {there} and was taken as {taken}";
                }
            }
        }

        foreach (
            var rejection in outcome.Rejections.Where(rejection => rejection.Reason is RejectReason.WrongType or RejectReason.OutOfRange))
        {
            var reading = Element(document, rejection.ElementIndex);
            if (Taken.All(name => Fits(Last(reading, name)))
                && Last(reading, "device") is not { ValueKind: not JsonValueKind.String })
            {
                return $"nothing is wrong with it, and it was rejected: {rejection.Detail}";
            }
        }

        return outcome.Rejections.Any(
            rejection => rejection.Reason == RejectReason.NothingMapped
                && Taken.Any(name => Last(Element(document, rejection.ElementIndex), name) is not null))
            ? "something of it is mapped, and it was rejected as if nothing were"
            : null;

        static bool Fits(JsonElement? value) => value is null or { ValueKind: JsonValueKind.Null }
            || (value is { ValueKind: JsonValueKind.Number } number && double.IsFinite(number.GetDouble()));
    }

    private static string? JudgeWide(byte[] body, DecodedBatch batch, Outcome outcome)
    {
        var document = ReferenceBody.Parse(body);
        var payloads = (ValueColumn<JsonbValue>)batch.Readings.Columns[^1];
        foreach (var row in outcome.Rows)
        {
            var canonical = payloads.Values[row];
            using var taken = JsonDocument.Parse(canonical.Canonical);
            var reading = Element(document, batch.Readings.ElementIndexes[row]);
            if (JsonbValue.FromText(canonical.Canonical) != canonical)
            {
                return $"its canonical form has another canonical form: {canonical.Canonical}";
            }

            if (!Same(reading, taken.RootElement))
            {
                return $"its canonical form means something else: {canonical.Canonical}";
            }
        }

        return null;
    }

    // The last of repeated names; JsonElement.TryGetProperty does the same, and cannot be asked where a name holds half of a surrogate
    // pair.
    internal static JsonElement? Last(JsonElement reading, string name)
    {
        JsonElement? last = null;
        foreach (var property in reading.EnumerateObject())
        {
            if (NameOf(property) == name)
            {
                last = property.Value;
            }
        }

        return last;
    }

    private static string? NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static bool Same(JsonElement original, JsonElement canonical) => (original.ValueKind, canonical.ValueKind) switch
    {
        (JsonValueKind.Object, JsonValueKind.Object) =>
            original.EnumerateObject().GroupBy(property => property.Name, StringComparer.Ordinal).ToArray() is var members
            && members.Length == canonical.EnumerateObject().Count()
            && members.All(member => canonical.TryGetProperty(member.Key, out var value) && Same(member.Last().Value, value)),
        (JsonValueKind.Array, JsonValueKind.Array) => original.GetArrayLength() == canonical.GetArrayLength()
            && original.EnumerateArray().Zip(canonical.EnumerateArray()).All(pair => Same(pair.First, pair.Second)),
        (JsonValueKind.Number, JsonValueKind.Number) => Number(original.GetRawText()) == Number(canonical.GetRawText()),
        _ => JsonElement.DeepEquals(original, canonical),
    };

    /// <summary>A number as a whole number without trailing zeros, and the power of ten it is multiplied by.</summary>
    private static (BigInteger Digits, BigInteger Power) Number(string text)
    {
        var e = text.IndexOfAny(['e', 'E']);
        var power = e < 0 ? 0 : BigInteger.Parse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = e < 0 ? text : text[..e];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        power -= point < 0 ? 0 : mantissa.Length - point - 1;
        var digits = BigInteger.Parse(
            mantissa.Replace(".", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        for (; !digits.IsZero && digits % 10 == 0; digits /= 10)
        {
            power++;
        }

        return (digits, digits.IsZero ? 0 : power);
    }

    private static string Failure(string what, byte[] body) =>
        $"A body was judged wrongly: {what}. The body, in base64: {Convert.ToBase64String(body)}";

    private sealed record Outcome(int[] Rows, Rejection[] Rejections);
}
