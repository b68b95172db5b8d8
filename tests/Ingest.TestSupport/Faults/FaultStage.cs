using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ingest.Checkpoints;
using Ingest.Database.Migrations;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.LocalHub;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Npgsql;

namespace Ingest.TestSupport.Faults;

/// <summary>
/// Everything a fault can hit: a PostgreSQL server, a local hub with devices that send steadily, and between them the worker processes that
/// are started, whose login owns nothing and whose wire to the database can be cut.
/// </summary>
public sealed class FaultStage : IAsyncDisposable
{
    /// <summary>The log's event that a database outage begins.</summary>
    public const int OutageBegins = LogEventIds.WaitingForDatabase;

    /// <summary>The log's event that a database outage has ended.</summary>
    public const int OutageEnds = LogEventIds.WorkingAgain;

    /// <summary>The log's event that nobody can say who reads which partition, as the database is away.</summary>
    public const int OwnershipUnavailable = LogEventIds.OwnershipUnavailable;

    /// <summary>The log's event that a batch has failed, as another worker has claimed its partition.</summary>
    public const int BatchFailed = LogEventIds.BatchFailed;

    /// <summary>The log's event that a worker waits for the database, to start or to claim a partition.</summary>
    public const int NotClaimed = LogEventIds.NotClaimed;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly FaultStageOptions _options;
    private readonly string _worker;
    private readonly List<WorkerProcess> _workers = [];

    private FaultStage(
        FaultStageOptions options,
        int seed,
        SmallDisk? disk,
        NativePostgres server,
        string owner,
        string worker,
        LocalEventHub hub,
        OffsetClock clock)
    {
        _options = options;
        _worker = worker;
        Disk = disk;
        Server = server;
        Hub = hub;
        Clock = clock;
        Wire = TcpProxy.Start(server.Port);
        // Not pooled: a server that is stopping waits for the clients it has.
        Owner = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(owner) { Pooling = false }.ConnectionString);
        Devices = new SteadyDevices(hub, seed, options.MessagesPerSecond, clock);
    }

    /// <summary>The disk with the server's data, where it has one of its own.</summary>
    public SmallDisk? Disk { get; }

    public NativePostgres Server { get; }

    /// <summary>What the worker's connections to the server go through.</summary>
    public TcpProxy Wire { get; }

    public LocalEventHub Hub { get; }

    /// <summary>The clock of hub and devices; the worker has the system's.</summary>
    public OffsetClock Clock { get; }

    public SteadyDevices Devices { get; }

    /// <summary>The worker that runs now.</summary>
    public WorkerProcess Worker => _workers[^1];

    /// <summary>All workers that were started.</summary>
    public IReadOnlyList<WorkerProcess> Workers => _workers;

    /// <summary>The database as its owner sees it, past the wire.</summary>
    public NpgsqlDataSource Owner { get; }

    /// <summary>The worker's login, as a connection string past the wire.</summary>
    public string WorkerLogin => _worker;

    public static async Task<FaultStage> CreateAsync(FaultStageOptions options, int seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var disk = options.OnSmallDisk ? await SmallDisk.MountAsync(megabytes: 160, cancellationToken) : null;
        NativePostgres? server = null;
        try
        {
            server = await NativePostgres.StartAsync(
                new NativePostgresOptions { Settings = options.ServerSettings, Folder = disk?.Folder ?? Path.GetTempPath() },
                cancellationToken);
            var owner = await server.CreateDatabaseAsync(cancellationToken);
            await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings { PlainPostgres = true }, cancellationToken);
            var worker = await server.CreateLoginAsync(owner, memberOf: "ingest_writer", cancellationToken);
            var clock = new OffsetClock();
            var hub = await LocalEventHub.StartAsync(
                new LocalHubSettings { Port = 0, Partitions = options.Partitions, MaxBytesPerPartition = null, Clock = clock },
                cancellationToken);
            return new FaultStage(options, seed, disk, server, owner, worker, hub, clock);
        }
        catch
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }

            if (disk is not null)
            {
                await disk.DisposeAsync();
            }

            throw;
        }
    }

    /// <summary>Starts a worker, beside those that run.</summary>
    /// <param name="more">What else stands in its environment.</param>
    public WorkerProcess StartWorker(IReadOnlyDictionary<string, string>? more = null)
    {
        var environment = new Dictionary<string, string>(_options.WorkerSettings.Concat(more ?? new Dictionary<string, string>()))
        {
            ["Hub__ConnectionString"] = Hub.ConnectionString,
            ["Hub__LagIntervalSeconds"] = "1",
            ["Hub__LoadBalancingIntervalSeconds"] = _options.LoadBalancingIntervalSeconds.ToString(CultureInfo.InvariantCulture),
            ["Hub__OwnershipExpirySeconds"] = _options.OwnershipExpirySeconds.ToString(CultureInfo.InvariantCulture),
            ["Database__ConnectionString"] = new NpgsqlConnectionStringBuilder(_worker) { Port = Wire.Port }.ConnectionString,
        };
        var worker = WorkerProcess.Start(environment, LoopbackPort.Free());
        _workers.Add(worker);
        return worker;
    }

    /// <summary>Runs a statement as the owner, in a session that may write whatever the server's default is.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = await Owner.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand("SET default_transaction_read_only = off", connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The counts of the stored checkpoints, summed.</summary>
    public async Task<ReadingCounts> CountsAsync(CancellationToken cancellationToken) =>
        (await new CheckpointTable(Owner).ListAsync(cancellationToken))
            .Aggregate(default(ReadingCounts), (sum, checkpoint) => sum + checkpoint.Counts);

    /// <summary>Waits until the devices have sent so many messages more.</summary>
    public async Task SendsAsync(int messages, CancellationToken cancellationToken)
    {
        var until = Devices.Count + messages;
        await UntilAsync("the devices have sent", () => Task.FromResult(Devices.Count >= until), cancellationToken);
    }

    /// <summary>Waits until the current worker says that a database outage has begun.</summary>
    public Task OutageAsync(CancellationToken cancellationToken) =>
        UntilAsync("the worker reports an outage", () => Task.FromResult(AliveWorker().Logged(OutageBegins) > 0), cancellationToken);

    /// <summary>Waits until everything sent up to now is counted, while more is being sent.</summary>
    public async Task CatchesUpAsync(CancellationToken cancellationToken)
    {
        var sent = Devices.Count;
        await UntilAsync(
            $"{sent} readings are counted",
            async () => AliveWorker() is not null && (await CountsAsync(cancellationToken)).Received >= sent,
            cancellationToken);
    }

    /// <summary>
    /// Waits until less than a second's worth of messages is not counted, for a whole second: the worker keeps pace.
    /// </summary>
    public async Task KeepsPaceAsync(CancellationToken cancellationToken)
    {
        long? since = null;
        await UntilAsync(
            "the worker keeps pace",
            async () =>
            {
                _ = AliveWorker();
                var behind = Devices.Count - (await CountsAsync(cancellationToken)).Received;
                if (behind > Devices.PerSecond)
                {
                    since = null;
                    return false;
                }

                since ??= Stopwatch.GetTimestamp();
                return Stopwatch.GetElapsedTime(since.Value) >= TimeSpan.FromSeconds(1);
            },
            cancellationToken);
    }

    /// <summary>Waits for a condition; patiently, but not for ever.</summary>
    /// <exception cref="FaultException">It did not come.</exception>
    public Task UntilAsync(string what, Func<Task<bool>> condition, CancellationToken cancellationToken) =>
        UntilAsync(() => what, condition, cancellationToken);

    /// <summary>As the other; what is waited for is told as it stands when patience ends.</summary>
    /// <exception cref="FaultException">It did not come.</exception>
    public async Task UntilAsync(Func<string> what, Func<Task<bool>> condition, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(what);
        ArgumentNullException.ThrowIfNull(condition);
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(LookAgain);
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new FaultException(
                    $"In {Patience.TotalSeconds} s, and with {Devices.Count} messages sent, it did not come to pass that {what()}.");
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    /// <summary>What all workers and the server said last.</summary>
    public string Story()
    {
        var story = new StringBuilder();
        foreach (var (worker, number) in _workers.Select((worker, index) => (worker, index + 1)))
        {
            story.AppendLine(CultureInfo.InvariantCulture, $"--- worker {number}{(worker.HasEnded ? ", ended" : "")}:").AppendJoin(
                Environment.NewLine, worker.Lines.TakeLast(30)).AppendLine();
        }

        return story.AppendLine("--- server:").AppendLine(Server.Log).ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Devices.DisposeAsync();
        foreach (var worker in _workers)
        {
            await worker.DisposeAsync();
        }

        await Hub.DisposeAsync();
        await Owner.DisposeAsync();
        await Wire.DisposeAsync();
        await Server.DisposeAsync();
        if (Disk is not null)
        {
            await Disk.DisposeAsync();
        }
    }

    private WorkerProcess AliveWorker() => Worker.HasEnded ? throw new FaultException("The worker has ended.") : Worker;
}
