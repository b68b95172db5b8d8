using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Amqp;
using Amqp.Framing;
using Ingest.Checkpoints;
using Ingest.Database.Migrations;
using Ingest.LocalHub;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Npgsql;
using Symbol = Amqp.Types.Symbol;

namespace Ingest.Benchmarks;

/// <summary>The memory of <c>ingest run</c> as a process of its own, fed by a hub in this one, over a native PostgreSQL.</summary>
internal static class WorkerBenchmark
{
    private const int Devices = 200;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan SampleEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeProvider Clock = TimeProvider.System;

    public static Command Command()
    {
        var minutes = new Option<double>("--minutes") { Description = "How long it is fed.", DefaultValueFactory = _ => 10 };
        var rate = new Option<int>("--rate") { Description = "Messages a second.", DefaultValueFactory = _ => 5_000 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("worker", "The worker's memory over time.") { minutes, rate, json };
        command.SetAction(
            async (result, cancellationToken) =>
                await RunAsync(result.GetValue(minutes), result.GetValue(rate), result.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(double minutes, int rate, bool json, CancellationToken cancellationToken)
    {
        await using var postgres = await NativePostgres.StartAsync(cancellationToken: cancellationToken);
        var database = await postgres.CreateDatabaseAsync(cancellationToken);
        await using var owner = NpgsqlDataSource.Create(database);
        await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings(), cancellationToken);
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, cancellationToken);
        await using var worker = CliProcess.Start(
            new Dictionary<string, string>
            {
                ["Hub__ConnectionString"] = hub.ConnectionString,
                ["Database__ConnectionString"] = await postgres.CreateLoginAsync(database, memberOf: "ingest_writer", cancellationToken),
                ["Health__Port"] = "0",
            },
            "run",
            "--json");

        var messages = (long)(rate * minutes * 60);
        using var stopSampling = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sampling = SampleAsync(worker, stopSampling.Token);
        var started = Clock.GetTimestamp();
        await FeedAsync(hub, messages, rate, cancellationToken);
        await StoredAsync(owner, messages, worker, cancellationToken);
        var elapsed = Clock.GetElapsedTime(started);
        await stopSampling.CancelAsync();
        var samples = await sampling;
        await worker.TerminateAsync();
        if (await worker.EndedAsync(cancellationToken) is { ExitCode: not 0 } failed)
        {
            throw new InvalidOperationException($"The worker failed: {failed}");
        }

        await using var count = owner.CreateCommand("SELECT count(*) FROM conditions");
        if (await count.ExecuteScalarAsync(cancellationToken) is var rows && !messages.Equals(rows))
        {
            throw new InvalidOperationException($"The work was not done: {rows} rows of {messages} messages.");
        }

        var third = Math.Max(1, samples.Count / 3);
        var report = new Report(
            messages,
            rate,
            Math.Round(messages / elapsed.TotalSeconds, 1),
            Mebibytes(samples.Max()),
            Mebibytes(samples.Take(third).Average()),
            Mebibytes(samples.TakeLast(third).Average()),
            [.. samples.Chunk(Math.Max(1, samples.Count / 20)).Select(chunk => Mebibytes(chunk.Average()))],
            Machine.Shape,
            Machine.LoadAverage());
        Console.WriteLine(json ? JsonSerializer.Serialize(report, JsonSerializerOptions.Web) : Text(report));
        return 0;
    }

    private static async Task FeedAsync(LocalEventHub hub, long messages, int rate, CancellationToken cancellationToken)
    {
        var partitions = hub.Partitions.Select(partition => partition.Id).ToList();
        var started = Clock.GetTimestamp();
        using var timer = new PeriodicTimer(Tick, Clock);
        for (long sent = 0; sent < messages;)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
            var due = Math.Min(messages, (long)(Clock.GetElapsedTime(started).TotalSeconds * rate));
            for (; sent < due; sent++)
            {
                var device = (int)(sent % Devices);
                var message = Message(device, sent);
                hub.Append(partitions[device % partitions.Count], message.Buffer.AsSpan(message.Offset, message.Length));
            }
        }
    }

    // A stamp of its own for each reading of a device: what is measured is the ordinary case.
    private static ByteBuffer Message(int device, long number)
    {
        var stamp = new DateTime(2026, 3, 1, 0, 0, 0, DateTimeKind.Utc).AddMilliseconds(number / Devices);
        var message = new Message
        {
            MessageAnnotations = new MessageAnnotations(),
            BodySection = new Data
            {
                Binary = Encoding.UTF8.GetBytes(string.Create(
                    CultureInfo.InvariantCulture, $$"""{"device":"device-{{device:d3}}","temperature":{{20 + (number % 500 / 100.0):f2}},"humidity":{{50 + (number % 90 / 10.0):f1}}}""")),
            },
        };
        message.MessageAnnotations[new Symbol("iothub-connection-device-id")] = string.Create(
            CultureInfo.InvariantCulture, $"device-{device:d3}");
        message.MessageAnnotations[new Symbol("iothub-enqueuedtime")] = stamp;
        return message.Encode();
    }

    private static async Task StoredAsync(NpgsqlDataSource owner, long messages, CliProcess worker, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SampleEvery, Clock);
        var checkpoints = new CheckpointTable(owner);
        while ((await checkpoints.ListAsync(cancellationToken)).Sum(checkpoint => checkpoint.Counts.Stored) < messages)
        {
            if (worker.HasEnded)
            {
                throw new InvalidOperationException($"The worker ended by itself: {await worker.EndedAsync(cancellationToken)}");
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    private static async Task<List<long>> SampleAsync(CliProcess worker, CancellationToken stop)
    {
        List<long> samples = [worker.ResidentBytes()];
        using var timer = new PeriodicTimer(SampleEvery, Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop) && !worker.HasEnded)
            {
                samples.Add(worker.ResidentBytes());
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }

        return samples;
    }

    private static double Mebibytes(double bytes) => Math.Round(bytes / (1024 * 1024), 1);

    private static string Text(Report report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        {report.Messages:n0} messages at {report.Rate:n0}/s, all stored at {report.MessagesPerSecond:n0}/s
        resident memory: peak {report.PeakMebibytes} MiB; mean of the first third {report.FirstThirdMebibytes} MiB, of the last {report.LastThirdMebibytes} MiB
        over time: {string.Join(" ", report.OverTimeMebibytes)} MiB
        {report.Machine}; load average afterwards {report.LoadAverageAfterwards}
        """);

    private sealed record Report(
        long Messages,
        int Rate,
        double MessagesPerSecond,
        double PeakMebibytes,
        double FirstThirdMebibytes,
        double LastThirdMebibytes,
        IReadOnlyList<double> OverTimeMebibytes,
        string Machine,
        string? LoadAverageAfterwards);
}
