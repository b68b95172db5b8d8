using System.Diagnostics;
using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Database.Migrations;
using Ingest.Events;
using Ingest.LocalHub;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;
using Ingest.TestSupport.Network;
using Npgsql;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Gives a worker, a process of its own, messages made out of AMQP's grammar, by way of the local hub, and between the hub's frames now and
/// then one that no hub would send: it must account for every message, pass over none, neither stall nor end, and have each that a device
/// sent as a row or a dead letter under its stamp.
/// </summary>
public sealed class AmqpWorkerFuzzer : IAsyncDisposable
{
    private const int Partitions = 4;
    private const int Round = 2_000;
    private const int FramesOfRound = 5;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly AmqpMessageMaker _maker;
    private readonly AmqpMessageMaker _frames;
    private readonly Random _places;
    private readonly Lock _gate = new();
    private readonly int _seed;
    private readonly NpgsqlDataSource _owner;
    private readonly LocalEventHub _hub;
    private readonly AmqpRelay _relay;
    private readonly WorkerProcess _worker;
    private readonly Dictionary<string, long> _reasons = new(StringComparer.Ordinal);
    private int _framesLeft;
    private byte[]? _lastFrame;

    private AmqpWorkerFuzzer(int seed, NpgsqlDataSource owner, string login, LocalEventHub hub)
    {
        _maker = new AmqpMessageMaker(seed);
        _frames = new AmqpMessageMaker(seed);
        _places = new Random(seed);
        _seed = seed;
        _owner = owner;
        _hub = hub;
        _relay = AmqpRelay.Start(hub.Port, NextFrame);
        _worker = WorkerProcess.Start(
            new Dictionary<string, string>
            {
                ["Hub__ConnectionString"] = hub.ConnectionString.Replace(
                    string.Create(CultureInfo.InvariantCulture, $":{hub.Port};"),
                    string.Create(CultureInfo.InvariantCulture, $":{_relay.Port};"),
                    StringComparison.Ordinal),
                ["Hub__LoadBalancingIntervalSeconds"] = "1",
                ["Hub__MaxRetryDelaySeconds"] = "1",
                ["Database__ConnectionString"] = login,
                ["DeadLetters__QuotaPerDeviceAndDay"] = "10000000",
                ["DeadLetters__QuotaPerDay"] = "10000000",
                ["DeadLetters__QuotaMegabytesPerDeviceAndDay"] = "100000",
                ["DeadLetters__QuotaMegabytesPerDay"] = "100000",
            },
            LoopbackPort.Free());
    }

    public long Messages { get; private set; }

    /// <summary>How many frames were put between the hub's.</summary>
    public long Frames { get; private set; }

    /// <summary>Where they ended.</summary>
    public ReadingCounts Counts { get; private set; }

    /// <summary>Why the dead-lettered ones were.</summary>
    public IReadOnlyDictionary<string, long> Reasons => _reasons;

    public static async Task<AmqpWorkerFuzzer> StartAsync(NativePostgres server, int seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        var database = await server.CreateDatabaseAsync(cancellationToken);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, cancellationToken);
        var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, Partitions = Partitions, MaxBytesPerPartition = null }, cancellationToken);
        var login = await server.CreateLoginAsync(database, memberOf: "ingest_writer", cancellationToken);
        return new AmqpWorkerFuzzer(seed, NpgsqlDataSource.Create(database), login, hub);
    }

    /// <summary>Sends <paramref name="messages"/> more.</summary>
    /// <returns>Null, or what went wrong, with the messages, in base64, that show it.</returns>
    public async Task<string?> RunAsync(long messages, CancellationToken cancellationToken)
    {
        for (var end = Messages + messages; Messages < end;)
        {
            if (await RoundAsync((int)Math.Min(Round, end - Messages), cancellationToken) is { } failure)
            {
                return $"seed {_seed}, message {Messages}: {failure}";
            }
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _relay.DisposeAsync();
        await _hub.DisposeAsync();
        await _owner.DisposeAsync();
    }

    private async Task<string?> RoundAsync(int count, CancellationToken cancellationToken)
    {
        var messages = Enumerable.Range(0, count).Select(_ => _maker.Next()).ToList();
        foreach (var (message, number) in messages.Select((message, number) => (message, number)))
        {
            _hub.AppendUnchecked((number % Partitions).ToString(CultureInfo.InvariantCulture), message.Bytes);
        }

        Messages += count;
        lock (_gate)
        {
            _framesLeft = FramesOfRound;
        }

        if (await IsReadAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        foreach (var partition in _hub.Partitions)
        {
            _hub.DropBefore(partition.Id, partition.LastSequenceNumber + 1);
        }

        var found = await TakeFoundAsync(cancellationToken);
        var lost = messages.Where(message => message.Stamp is { } stamp && !found.Contains(stamp)).ToList();
        return lost.Count > 0 ? $"{lost.Count} messages are neither rows nor dead letters under their stamps, the first of them "
            + $"{Convert.ToBase64String(lost[0].Bytes)}"
            : !Counts.Balance
                || Counts.Received != Messages
                || Counts.Missed > 0 ? $"{Messages} messages were sent, and the counts are {Counts}"
            : null;
    }

    // Some a round, each before one of the hub's frames in about fifty.
    private byte[]? NextFrame()
    {
        lock (_gate)
        {
            if (_framesLeft == 0 || _places.Next(50) > 0)
            {
                return null;
            }

            _framesLeft--;
            Frames++;
            return _lastFrame = _frames.NextFrame();
        }
    }

    // Until every checkpoint stands at its partition's end; as long as one moves, it is waited for.
    private async Task<string?> IsReadAsync(CancellationToken cancellationToken)
    {
        var (moved, received) = (Stopwatch.GetTimestamp(), -1L);
        using var timer = new PeriodicTimer(LookAgain);
        while (true)
        {
            var stored = await new CheckpointTable(_owner).ListAsync(cancellationToken);
            Counts = stored.Aggregate(default(ReadingCounts), (sum, checkpoint) => sum + checkpoint.Counts);
            var positions =
                stored.ToDictionary(checkpoint => checkpoint.Partition.Partition, checkpoint => checkpoint.Position?.SequenceNumber ?? -1);
            var behind = _hub.Partitions.FirstOrDefault(
                partition => positions.GetValueOrDefault(partition.Id, -1) < partition.LastSequenceNumber);
            if (behind is null)
            {
                return null;
            }

            if (_worker.HasEnded)
            {
                return "the worker has ended before "
                    + $"{Next()}{Environment.NewLine}{string.Join(Environment.NewLine, _worker.Lines.TakeLast(20))}";
            }

            if (Counts.Received != received)
            {
                (moved, received) = (Stopwatch.GetTimestamp(), Counts.Received);
            }
            else if (Stopwatch.GetElapsedTime(moved) > Patience)
            {
                return "the worker stands still before "
                    + $"{Next()}{Environment.NewLine}{string.Join(Environment.NewLine, _worker.Lines.TakeLast(20))}";
            }

            await timer.WaitForNextTickAsync(cancellationToken);

            string Next() =>
                $"{Convert.ToBase64String(_hub.Read(behind.Id, positions.GetValueOrDefault(behind.Id, -1) + 1))}, and was told last, of "
                    + $"{Frames} frames, {Convert.ToBase64String(_lastFrame ?? [])}";
        }
    }

    private async Task<HashSet<DateTime>> TakeFoundAsync(CancellationToken cancellationToken)
    {
        var found = new HashSet<DateTime>();
        await using var take = _owner.CreateCommand(
            """
            WITH rows AS (DELETE FROM conditions RETURNING time), letters AS (DELETE FROM dead_letters RETURNING time, reason)
            SELECT time, NULL FROM rows UNION ALL SELECT time, reason FROM letters
            """);
        await using var reader = await take.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (!await reader.IsDBNullAsync(0, cancellationToken))
            {
                found.Add(reader.GetDateTime(0));
            }

            if (!await reader.IsDBNullAsync(1, cancellationToken))
            {
                var reason = reader.GetString(1);
                _reasons[reason] = _reasons.GetValueOrDefault(reason) + 1;
            }
        }

        return found;
    }
}
