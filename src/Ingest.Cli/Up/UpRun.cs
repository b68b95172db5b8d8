using System.Net.Sockets;
using System.Security.Cryptography;
using Ingest.Checkpoints;
using Ingest.Cli.Commands;
using Ingest.Cli.Hosting;
using Ingest.Cli.Simulation;
using Ingest.Cli.Terminal;
using Ingest.Database.Embedded;
using Ingest.Database.Migrations;
using Ingest.Decode;
using Ingest.Events;
using Ingest.LocalHub;
using Ingest.Settings;
using Ingest.Sources;
using Ingest.Sources.EventHubs;
using Ingest.Worker;
using Ingest.Worker.Hosting;
using Ingest.Worker.Ownership;
using Ingest.Worker.Partitions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Up;

/// <summary>Database, hub, devices and worker in one process, from start to closed counts.</summary>
internal sealed class UpRun(UpOptions options, IConfiguration configuration, Output output, ShutdownSignals signals)
{
    private const string HubName = "telemetry";
    private const string ReplayGroup = "replay";

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly LastWarning _warning = new();
    private readonly RunMeter _meter = new();
    private readonly SentLedger _ledger = new();
    private readonly DateTimeOffset _started = TimeProvider.System.GetUtcNow();
    private string _database = "embedded TimescaleDB";

    public async Task<int> RunAsync()
    {
        using var loggers = output.Live ? Logging.ToView(_warning) : Logging.ToStandardError(LogLevel.Warning);
        var progress = new ProgressLines(output);
        await using var embedded = options.Database is null
            ? await EmbeddedDatabase.StartAsync(new EmbeddedDatabaseSettings { Fresh = options.Fresh }, progress, signals.Stop)
            : null;
        var (settings, mapping) = ReadSettings(embedded);
        await using var parts = PipelineComposition.Create(settings, mapping, Purpose.Worker, loggers);
        _database = embedded is null ? CommandDatabase.NameOf(settings.Database.ConnectionString) : _database;
        MigrationLines.Print(
            output, _database, await DatabaseMigrator.MigrateAsync(parts.DataSource, new MigrationSettings(), signals.Stop));

        await using var hub = options.Hub is null ? await StartHubAsync(parts.Checkpoints, loggers) : null;
        if (hub is not null)
        {
            settings.Hub.ConnectionString = hub.ConnectionString;
            output.Line($"local hub: {hub.ConnectionString}");
        }

        await using var client = new HubClient(settings.Hub, _clock, loggers.CreateLogger<HubClient>(), HubLogin.Credential);
        (await StartUpCheck.RunAsync(client, settings.Hub.ConsumerGroup, parts, tell: null, signals.Stop)).ThrowIfAny();
        var partitions = (await client.GetHubAsync(signals.Stop)).PartitionIds;
        var before = await CountAsync(parts, client.Hub);
        var elapsed = await SendAndStoreAsync(parts, client, partitions, embedded);
        var after = await CountAsync(parts, client.Hub);
        // On another hub others may send too, and older events wait: there the ledger of what was sent here proves nothing.
        var ledger = hub is null ? null : _ledger;
        var problems = RunAudit.Differences(_meter.Messages, _meter.Total, before, after, ledger);
        if (problems.Count > 0 && ledger is not null)
        {
            problems = [.. problems, .. await RunAudit.WithoutRowAsync(ledger, parts.Store, signals.Abandon)];
        }

        var allSent = options.Events is null || _ledger.Messages == options.Events;
        if (!options.Replay || !allSent)
        {
            return Close(elapsed, after.Rows, replay: null, problems);
        }

        var (replay, differences) = await ReplayAsync(parts, loggers);
        return Close(elapsed, after.Rows, replay, [.. problems, .. differences]);
    }

    private (PipelineSettings Settings, TelemetryMapping Mapping) ReadSettings(EmbeddedDatabase? embedded)
    {
        var reader = new SettingsReader(configuration);
        var settings = new PipelineSettings
        {
            Hub = new HubSettings { LagIntervalSeconds = 1, ConnectionString = options.Hub ?? "" },
            Database = new DatabaseSettings { ConnectionString = embedded?.ConnectionString ?? options.Database!, Copy = embedded is null },
            Telemetry = reader.Read<TelemetrySettings>(TelemetrySettings.Section),
            Commit = reader.Read<CommitSettings>(CommitSettings.Section),
            DeadLetters = reader.Read<DeadLetterSettings>(DeadLetterSettings.Section),
        };
        reader.Check(DatabaseSettings.Section, settings.Database);
        if (options.Hub is not null)
        {
            reader.Check(HubSettings.Section, settings.Hub);
        }

        var mapping = reader.Mapping(settings.Telemetry);
        reader.ThrowIfAny();
        return (settings, mapping!);
    }

    /// <summary>
    /// The local hub forgets when it ends; its numbering goes on where the stored checkpoints stand, as a real hub's would after its
    /// retention: nothing counts as missed, and the counts stay cumulative.
    /// </summary>
    private async Task<LocalEventHub> StartHubAsync(CheckpointTable checkpoints, ILoggerFactory loggers)
    {
        var stored = await checkpoints.ListAsync(signals.Stop);
        var first = Enumerable.Range(0, options.Partitions).Select(partition => stored
            .Where(checkpoint => checkpoint.Partition.Hub == LocalIdentity && checkpoint.Partition.Partition == $"{partition}")
            .Max(checkpoint => checkpoint.Position?.SequenceNumber + 1) ?? 0);
        var hub = new LocalHubSettings
        {
            Name = HubName,
            Port = options.Port,
            Partitions = options.Partitions,
            // Others on this machine reach the port too.
            SharedAccessKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ConsumerGroups = [ReplayGroup],
            FirstSequenceNumbers = [.. first],
            // A replay reads it all again, so nothing may be dropped.
            MaxBytesPerPartition = options.Replay ? null : new LocalHubSettings().MaxBytesPerPartition,
            LoggerFactory = loggers,
        };
        try
        {
            return await LocalEventHub.StartAsync(hub, signals.Stop);
        }
        catch (SocketException exception)
        {
            throw new CommandException(
                $"The local hub cannot listen on 127.0.0.1:{options.Port}: {exception.Message}. Another program has the port; name "
                    + "another with --port, or 0 for a free one.",
                exception);
        }
    }

    private static string LocalIdentity => $"127.0.0.1/{HubName}";

    private async Task<StoreCounts> CountAsync(PipelineComposition parts, string hub)
    {
        var abandon = signals.Abandon;
        var checkpoints = await parts.Checkpoints.ListAsync(abandon);
        var counts = checkpoints
            .Where(checkpoint => checkpoint.Partition.Hub == hub)
            .Aggregate(default(ReadingCounts), (sum, checkpoint) => sum + checkpoint.Counts);
        return new StoreCounts(
            await parts.Store.CountRowsAsync(abandon),
            await parts.Store.CountDeadLettersAsync(abandon),
            counts,
            await parts.Store.CountRowsByDeviceAsync(DeviceFleet.Names(options.Devices), abandon));
    }

    private async Task<TimeSpan> SendAndStoreAsync(
        PipelineComposition parts, HubClient client, IReadOnlyList<string> partitions, EmbeddedDatabase? embedded)
    {
        using var worker = new HubWorker(
            client,
            parts.Mapping.Fields,
            parts.Checkpoints.ClaimAsync,
            Measured(parts),
            new DatabaseOwnership(new PartitionOwnerTable(parts.DataSource), client.Hub));
        await using var sender = new HubSender(client);
        var runner =
            new FleetRunner(new DeviceFleet(options.Devices, options.Faults, _clock), _ledger, partitions, FleetSender.To(sender), _clock);
        using var stopSending = CancellationTokenSource.CreateLinkedTokenSource(signals.Stop);
        using var stopWorker = new CancellationTokenSource();

        var screen = new UpScreen(
            output, new UpMeasure($"{client.Hub}, {options.Devices} devices", _database, _meter, _ledger, worker, _warning, _clock));
        var started = _clock.GetTimestamp();
        var working = worker.RunAsync(stopWorker.Token, signals.Abandon);
        var done = SendAndDrainAsync(runner, client, partitions, worker, working, stopSending.Token);
        var showing = screen.ShowAsync(_clock, stopWorker.Token);
        var died = embedded?.DiedByItself ?? new TaskCompletionSource<string>().Task;

        var first = await Task.WhenAny(done, working, died);
        var elapsed = _clock.GetElapsedTime(started);
        await stopSending.CancelAsync();
        await stopWorker.CancelAsync();
        await showing;
        if (first == died)
        {
            throw new CommandException($"The embedded database ended by itself: {await died}", ExitCode.Failure);
        }

        await working;
        await done;
        signals.Drained();
        return elapsed;
    }

    /// <summary>Completes when everything sent is committed, or nobody commits any more.</summary>
    private async Task SendAndDrainAsync(
        FleetRunner runner,
        HubClient client,
        IReadOnlyList<string> partitions,
        HubWorker worker,
        Task working,
        CancellationToken stopSending)
    {
        await runner.RunAsync(options.Rate, options.Events, stopSending, signals.Abandon);
        Dictionary<string, long> ends = [];
        foreach (var partition in partitions)
        {
            ends[partition] = (await client.GetPartitionAsync(partition, signals.Abandon)).LastEnqueuedSequenceNumber;
        }

        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10), _clock);
        while (!working.IsCompleted && !IsDrained(worker.Partitions, ends))
        {
            await timer.WaitForNextTickAsync(signals.Abandon);
        }
    }

    private static bool IsDrained(IReadOnlyList<PartitionStatus> partitions, Dictionary<string, long> ends) =>
        ends.All(
            end =>
                end.Value < 0 || partitions.Any(partition => partition.Partition == end.Key && partition.LastSequenceNumber >= end.Value));

    private ProcessEvents Measured(PipelineComposition parts) => async (events, checkpoint, cancellationToken) =>
    {
        var result = await parts.Pipeline.ProcessAsync(events, checkpoint, cancellationToken);
        _meter.Add(events, result);
        return result;
    };

    private async Task<(ReadingCounts Counts, IReadOnlyList<string> Problems)> ReplayAsync(
        PipelineComposition worker, ILoggerFactory loggers)
    {
        output.Line("replay: reading the hub again from the start");
        await using var client = new HubClient(worker.Settings.Hub, _clock, loggers.CreateLogger<HubClient>(), HubLogin.Credential);
        await using var parts = worker.With(worker.Settings, Purpose.Replay, loggers);
        var rowsBefore = await parts.Store.CountRowsAsync(signals.Abandon);
        var replay = new HubReplay(
            client,
            ReplayGroup,
            worker.Settings.Hub.ConsumerGroup,
            parts.Mapping.Fields,
            parts.Pipeline.ProcessAsync);
        var from = options.Hub is null ? DateTime.UnixEpoch : _started.UtcDateTime;
        var counts = await new HubReplayScreen(output, _clock).ShowAsync(
            progress => replay.RunAsync(new ReplayRange(from), partition: null, progress, signals.Abandon));
        var rowsAfter = await parts.Store.CountRowsAsync(signals.Abandon);
        return (counts, RunAudit.ReplayDifferences(options.Hub is null ? _meter.Total : null, counts, rowsBefore, rowsAfter));
    }

    private int Close(TimeSpan elapsed, long rows, ReadingCounts? replay, IReadOnlyList<string> problems)
    {
        var counts = _meter.Total;
        var report = new UpReport
        {
            MessagesSent = _ledger.Messages,
            Received = counts.Received,
            Stored = counts.Stored,
            Duplicate = counts.Duplicate,
            Collisions = counts.Collisions,
            DeadLettered = counts.DeadLettered,
            Ignored = counts.Ignored,
            Missed = counts.Missed,
            ElapsedSeconds = Math.Round(elapsed.TotalSeconds, 3),
            P50Milliseconds = Rounded(_meter.Latency.Percentile(0.50)),
            P99Milliseconds = Rounded(_meter.Latency.Percentile(0.99)),
            MessagesPerSecond = Math.Round(_meter.Messages / elapsed.TotalSeconds, 1),
            FirstCommittedAt = _meter.FirstCommittedAt,
            RowsInTable = rows,
            Faults = options.Faults ? _ledger.Faults() : null,
            Replay = replay is { } again ? ReplayReport.From(again) : null,
            Problems = problems,
        };
        UpSummary.Print(output, report);
        if (output.Json)
        {
            Output.Write(report);
        }

        return problems.Count == 0 ? ExitCode.Success : ExitCode.Failure;

        static double? Rounded(double? value) => value is { } known ? Math.Round(known, 1) : null;
    }
}
