using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ingest.Checkpoints;
using Ingest.LocalHub;
using Ingest.TestSupport.Processes;
using Npgsql;

namespace Ingest.Benchmarks;

/// <summary>
/// Events that have waited in the hub: <c>ingest run</c> as a process of its own reads them over AMQP, from a hub in this process, into a
/// native PostgreSQL, all on one machine.
/// </summary>
internal static class BacklogBenchmark
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeProvider Clock = TimeProvider.System;

    public static Command Command()
    {
        var events = new Option<int>("--events") { Description = "How many wait.", DefaultValueFactory = _ => 5_000_000 };
        var partitions = new Option<int>("--partitions") { Description = "The hub's partitions.", DefaultValueFactory = _ => 8 };
        var workers = new Option<int>("--workers") { Description = "How many workers share them.", DefaultValueFactory = _ => 1 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("backlog", "From hub to table over AMQP, as fast as it goes.") { events, partitions, workers, json };
        command.SetAction(async (result, cancellationToken) =>
            await RunAsync(
                result.GetValue(events),
                result.GetValue(partitions),
                result.GetValue(workers),
                result.GetValue(json),
                cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int events, int partitions, int workerCount, bool json, CancellationToken cancellationToken)
    {
        await using var server = await WriteBenchmarkServer.StartAsync(null, cancellationToken);
        await using var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, Partitions = partitions, MaxBytesPerPartition = null }, cancellationToken);
        Backlog.Fill(hub, events);
        var hubBytes = hub.Partitions.Sum(partition => partition.Bytes);
        GC.Collect();

        using var self = Process.GetCurrentProcess();
        var (hubCpu, serverCpu) = (self.TotalProcessorTime, server.CpuSeconds());
        var started = Clock.GetTimestamp();
        var settings = new Dictionary<string, string>
        {
            ["Hub__ConnectionString"] = hub.ConnectionString,
            ["Database__ConnectionString"] = server.ConnectionString,
            ["Health__Port"] = "0",
        };
        await using var workers = new Workers(Enumerable.Range(0, workerCount).Select(_ => CliProcess.Start(settings, "run", "--json")));
        var samples = await StoredAsync(server, events, workers, started, cancellationToken);
        self.Refresh();
        var workerCpu = TimeSpan.FromTicks(workers.Sum(worker => worker.ProcessorTime().Ticks));
        hubCpu = self.TotalProcessorTime - hubCpu;
        serverCpu = server.CpuSeconds() - serverCpu;

        foreach (var worker in workers)
        {
            await worker.TerminateAsync();
            if (await worker.EndedAsync(cancellationToken) is { ExitCode: not 0 } failed)
            {
                throw new InvalidOperationException($"The worker failed: {failed}");
            }
        }

        if (await server.ScalarAsync<long>("SELECT count(*) FROM conditions", cancellationToken) is var rows && rows != events)
        {
            throw new InvalidOperationException($"The work was not done: {rows} rows of {events} events.");
        }

        var first = samples.First(sample => sample.Stored > 0);
        var last = samples[^1];
        var third = Math.Max(1, samples.Count / 3);
        var perMillion = 1e6 / events;
        var report = new Report(
            events,
            partitions,
            workerCount,
            hubBytes / events,
            Math.Round((last.Stored - first.Stored) / (last.At - first.At).TotalSeconds),
            Math.Round(events / last.At.TotalSeconds),
            Mebibytes(samples.Max(sample => sample.Resident)),
            Mebibytes(samples.Take(third).Average(sample => sample.Resident)),
            Mebibytes(samples.TakeLast(third).Average(sample => sample.Resident)),
            [.. samples.Chunk(Math.Max(1, samples.Count / 20)).Select(chunk => Mebibytes(chunk.Average(sample => sample.Resident)))],
            Math.Round(workerCpu.TotalSeconds * perMillion, 2),
            Math.Round(hubCpu.TotalSeconds * perMillion, 2),
            serverCpu is { } seconds ? Math.Round(seconds * perMillion, 2) : null,
            server.Description,
            Machine.Shape,
            Machine.LoadAverage());
        Console.WriteLine(json ? JsonSerializer.Serialize(report, JsonSerializerOptions.Web) : Text(report));
        return 0;
    }

    private static async Task<List<Sample>> StoredAsync(
        WriteBenchmarkServer server, int events, Workers workers, long started, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        var checkpoints = new CheckpointTable(source);
        using var timer = new PeriodicTimer(LookEvery, Clock);
        List<Sample> samples = [];
        do
        {
            await timer.WaitForNextTickAsync(cancellationToken);
            if (workers.Find(worker => worker.HasEnded) is { } ended)
            {
                throw new InvalidOperationException($"The worker ended by itself: {await ended.EndedAsync(cancellationToken)}");
            }

            var stored = (await checkpoints.ListAsync(cancellationToken)).Sum(checkpoint => checkpoint.Counts.Stored);
            samples.Add(new Sample(Clock.GetElapsedTime(started), stored, workers.Max(worker => worker.ResidentBytes())));
        }
        while (samples[^1].Stored < events);
        return samples;
    }

    private static double Mebibytes(double bytes) => Math.Round(bytes / (1024 * 1024), 1);

    private static string Text(Report report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        {report.Events:n0} events of {report.BytesAnEvent} bytes in {report.Partitions} partitions, {report.Workers} workers: {report.EventsPerSecond:n0}/s from the first commit seen to the last, {report.EventsPerSecondFromStart:n0}/s from the worker's start
        CPU seconds per million events: worker {report.WorkerCpuSecondsPerMillion}, hub {report.HubCpuSecondsPerMillion}, server {report.ServerCpuSecondsPerMillion}
        worker's resident memory: peak {report.PeakMebibytes} MiB; mean of the first third {report.FirstThirdMebibytes} MiB, of the last {report.LastThirdMebibytes} MiB
        over time: {string.Join(" ", report.OverTimeMebibytes)} MiB
        {report.Server}
        {report.Machine}; load average afterwards {report.LoadAverageAfterwards}
        """);

    private sealed class Workers(IEnumerable<CliProcess> workers) : List<CliProcess>(workers), IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            foreach (var worker in this)
            {
                await worker.DisposeAsync();
            }
        }
    }

    private readonly record struct Sample(TimeSpan At, long Stored, long Resident);

    private sealed record Report(
        int Events,
        int Partitions,
        int Workers,
        long BytesAnEvent,
        double EventsPerSecond,
        double EventsPerSecondFromStart,
        double PeakMebibytes,
        double FirstThirdMebibytes,
        double LastThirdMebibytes,
        IReadOnlyList<double> OverTimeMebibytes,
        double WorkerCpuSecondsPerMillion,
        double HubCpuSecondsPerMillion,
        double? ServerCpuSecondsPerMillion,
        string Server,
        string Machine,
        string? LoadAverageAfterwards);
}
