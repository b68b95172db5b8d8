using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Benchmarks;

/// <summary>
/// Decodes bodies of 120 bytes into columns on one thread, against System.Text.Json's source-generated deserialisation of the same bodies
/// into objects. Both run in turns, and the figures are medians of the rounds.
/// </summary>
internal static partial class DecodeBenchmark
{
    private const int BatchSize = 1_000;
    private const int BodyLength = 120;
    private static readonly DateTime Start = new(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc);

    public static Command Command()
    {
        var rounds = new Option<int>("--rounds") { Description = "How many times each is measured.", DefaultValueFactory = _ => 15 };
        var events = new Option<int>("--events") { Description = "Messages a round.", DefaultValueFactory = _ => 500_000 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("decode", "Decoding 120-byte bodies into columns.") { rounds, events, json };
        command.SetAction(result => Run(result.GetValue(rounds), result.GetValue(events), result.GetValue(json)));
        return command;
    }

    private static int Run(int rounds, int events, bool json)
    {
        var batches = Batches(events / BatchSize);
        var expected = batches.SelectMany(batch => batch).Aggregate(new Work(), (work, message) => work.Add(Reference(message)));
        var settings = new TelemetrySettings();
        var decoder = new BatchDecoder(TelemetryMapping.Create(settings), settings, TimeProvider.System);
        var columns = new List<Round>();
        var objects = new List<Round>();
        for (var i = -3; i < rounds; i++)
        {
            var (ours, theirs) = (Measure(() => Decode(decoder, batches), expected), Measure(() => Deserialize(batches), expected));
            if (i >= 0)
            {
                columns.Add(ours);
                objects.Add(theirs);
            }
        }

        var report = new Report(
            (long)Median(columns, round => round.EventsPerSecond),
            (long)columns.Max(round => round.EventsPerSecond),
            Math.Round(Median(columns, round => round.BytesPerEvent), 3),
            (long)Median(objects, round => round.EventsPerSecond),
            Math.Round(Median(objects, round => round.BytesPerEvent), 1),
            Math.Round(Median(columns, round => round.EventsPerSecond) / Median(objects, round => round.EventsPerSecond), 2),
            rounds,
            batches.Length * BatchSize,
            $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {Environment.ProcessorCount} cores");
        Console.WriteLine(json ? JsonSerializer.Serialize(report, ReportJson.Default.Report) : Text(report));
        return 0;
    }

    private static Work Decode(BatchDecoder decoder, RawEvent[][] batches)
    {
        var work = new Work();
        foreach (var events in batches)
        {
            using var batch = decoder.Decode(events);
            var temperatures = ((ValueColumn<double>)batch.Readings.Columns[0]).Values;
            var humidities = ((ValueColumn<double>)batch.Readings.Columns[1]).Values;
            for (var row = 0; row < batch.Readings.Count; row++)
            {
                work = work.Add(new Work(1, temperatures[row] + humidities[row] + batch.Readings.Devices[row].Length));
            }
        }

        return work;
    }

    private static Work Deserialize(RawEvent[][] batches)
    {
        var work = new Work();
        foreach (var events in batches)
        {
            foreach (var message in events)
            {
                var reading = JsonSerializer.Deserialize(message.Body.Span, ReadingJson.Default.Reading)!;
                work = work.Add(new Work(1, reading.Temperature!.Value + reading.Humidity!.Value + message.DeviceId!.Length));
            }
        }

        return work;
    }

    private static Work Reference(RawEvent message)
    {
        using var document = JsonDocument.Parse(message.Body);
        return new Work(1, document.RootElement.GetProperty("temperature").GetDouble() + document.RootElement.GetProperty("humidity").GetDouble() + message.DeviceId!.Length);
    }

    private static Round Measure(Func<Work> run, Work expected)
    {
        GC.Collect();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var started = Stopwatch.GetTimestamp();
        var work = run();
        var elapsed = Stopwatch.GetElapsedTime(started);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return work == expected
            ? new Round(work.Rows / elapsed.TotalSeconds, (double)allocated / work.Rows)
            : throw new InvalidOperationException($"The work was not done: {work} instead of {expected}.");
    }

    private static RawEvent[][] Batches(int count)
    {
        var random = new Random(17);
        return [.. Enumerable.Range(0, count).Select(batch => Enumerable.Range(0, BatchSize).Select(i => Message(random, (batch * BatchSize) + i)).ToArray())];
    }

    private static RawEvent Message(Random random, int number)
    {
        var device = $"device-{random.Next(200):d4}";
        var body = string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"device":"{{device}}","temperature":{{15 + (random.NextDouble() * 10):f3}},"humidity":{{40 + (random.NextDouble() * 20):f2}},"battery":3.71,"seq":{{100_000 + (number % 900_000)}}""") + ",\"status\":\"";
        body += new string('k', BodyLength - body.Length - 2) + "\"}";
        return new RawEvent
        {
            Hub = "host/hub",
            Partition = "0",
            Offset = number.ToString(CultureInfo.InvariantCulture),
            SequenceNumber = number,
            RowTime = Start.AddMilliseconds(number),
            EnqueuedTime = Start.AddMilliseconds(number),
            DeviceId = device,
            MessageSource = new string("Telemetry"),
            ContentType = "application/json",
            ContentEncoding = "utf-8",
            Body = Encoding.UTF8.GetBytes(body),
        };
    }

    private static double Median(List<Round> rounds, Func<Round, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);

    private static string Text(Report report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        into columns   {report.EventsPerSecond,12:n0} events/s (best round {report.BestEventsPerSecond:n0}), {report.BytesPerEvent} bytes allocated an event
        into objects   {report.BaselineEventsPerSecond,12:n0} events/s, {report.BaselineBytesPerEvent} bytes allocated an event (System.Text.Json, source-generated)
        ratio          {report.Ratio,12}
        {report.Rounds} rounds of {report.EventsPerRound:n0} messages of {BodyLength} bytes, {BatchSize} a batch, one thread; {report.Machine}
        """);

    /// <summary>Proof of the work: rows, and the sum of what was decoded, in their order.</summary>
    private readonly record struct Work(long Rows, double Sum)
    {
        public Work Add(Work other) => new(Rows + other.Rows, Sum + other.Sum);
    }

    private readonly record struct Round(double EventsPerSecond, double BytesPerEvent);

    internal sealed record Report(
        long EventsPerSecond,
        long BestEventsPerSecond,
        double BytesPerEvent,
        long BaselineEventsPerSecond,
        double BaselineBytesPerEvent,
        double Ratio,
        int Rounds,
        int EventsPerRound,
        string Machine);

    internal sealed record Reading(string? Device, double? Temperature, double? Humidity);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Reading))]
    private sealed partial class ReadingJson : JsonSerializerContext;

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Report))]
    private sealed partial class ReportJson : JsonSerializerContext;
}
