using Ingest.Checkpoints;
using Ingest.Cli.Simulation;
using Ingest.Database.Migrations;
using Ingest.Events;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Support;

/// <summary>
/// A local hub with simulated devices, and a native PostgreSQL in which the worker's login owns nothing. Workers are real processes.
/// </summary>
internal sealed class WorkerStage : IAsyncDisposable
{

    private readonly HubClient _client;
    private readonly HubSender _sender;
    private readonly DeviceFleet _fleet;

    private WorkerStage(LocalEventHub hub, NpgsqlDataSource owner, string login, bool faults)
    {
        Hub = hub;
        Owner = owner;
        Environment = new Dictionary<string, string>
        {
            ["Hub__ConnectionString"] = hub.ConnectionString,
            ["Database__ConnectionString"] = login,
            ["Hub__LoadBalancingIntervalSeconds"] = "1",
            ["Hub__OwnershipExpirySeconds"] = "5",
            ["Health__Port"] = "0",
        };
        _client = new HubClient(
            new HubSettings { ConnectionString = hub.ConnectionString }, TimeProvider.System, NullLogger<HubClient>.Instance);
        _sender = new HubSender(_client);
        _fleet = new DeviceFleet(devices: 50, faults, TimeProvider.System);
    }

    public LocalEventHub Hub { get; }

    /// <summary>The database as its owner sees it.</summary>
    public NpgsqlDataSource Owner { get; }

    /// <summary>The settings of a worker.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    public SentLedger Ledger { get; } = new();

    /// <summary>Every message sent.</summary>
    public List<SimulatedMessage> Sent { get; } = [];

    /// <summary>What IoT Hub's routing of telemetry would have archived of it.</summary>
    public IEnumerable<ArchivedMessage> Routed() => Sent.Where(message => message.Source == "Telemetry").Select(
        message => new ArchivedMessage(message.Device, message.Stamp, message.Body));

    public static async Task<WorkerStage> CreateAsync(PostgresFixture postgres, bool faults = false)
    {
        var server = await postgres.ServerAsync();
        var database = await server.CreateDatabaseAsync();
        var owner = NpgsqlDataSource.Create(database);
        await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings(), CancellationToken.None);
        var login = await server.CreateLoginAsync(database, memberOf: "ingest_writer");
        var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, MaxBytesPerPartition = null, ConsumerGroups = ["replay"] });
        return new WorkerStage(hub, owner, login, faults);
    }

    /// <summary>Sends messages as fast as the hub takes them.</summary>
    public async Task SendAsync(int messages)
    {
        const int Round = 2_000;
        for (var left = messages; left > 0; left -= Round)
        {
            var round = Enumerable.Range(0, Math.Min(left, Round)).Select(_ => _fleet.Next()).ToList();
            Sent.AddRange(round);
            foreach (var partition in round.GroupBy(message => message.Number % 4))
            {
                var ofPartition = partition.ToList();
                Ledger.Add(ofPartition, await FleetSender.To(_sender)($"{partition.Key}", ofPartition, CancellationToken.None));
            }
        }
    }

    public CliProcess StartWorker(params IEnumerable<string> arguments) => CliProcess.Start(Environment, ["run", .. arguments]);

    /// <summary>Runs a worker until so many readings are counted, and stops it.</summary>
    public async Task RunWorkerAsync(long readings)
    {
        await using var worker = StartWorker();
        await ReceivedAsync(readings, worker);
        await worker.TerminateAsync();
        var ended = await worker.EndAsync();
        Assert.True(ended.ExitCode == 0, ended.ToString());
    }

    /// <summary>The counts of the stored checkpoints, summed.</summary>
    public async Task<ReadingCounts> CountsAsync() =>
        (await new CheckpointTable(Owner).ListAsync(CancellationToken.None))
            .Aggregate(default(ReadingCounts), (sum, checkpoint) => sum + checkpoint.Counts);

    /// <summary>Waits until at least so many readings are counted.</summary>
    public async Task ReceivedAsync(long readings, CliProcess worker)
    {
        var ended = worker.EndAsync();
        await Eventually.IsTrueAsync(
            async () =>
            {
                Assert.False(ended.IsCompleted, ended.IsCompleted ? $"The worker ended: {await ended}" : "");
                return (await CountsAsync()).Received >= readings;
            },
            $"{readings} readings are counted");
    }

    /// <summary>Waits until the partitions' owners, each with how many it has, are as they should be.</summary>
    public Task OwnersAsync(Func<Dictionary<string, int>, bool> areRight) => Eventually.IsTrueAsync(
        async () =>
        {
            var owners = await new PartitionOwnerTable(Owner).ListAsync(CancellationToken.None);
            return areRight(
                owners.Where(owner => owner.Owner.Length > 0).GroupBy(owner => owner.Owner).ToDictionary(
                    owner => owner.Key,
                    owner => owner.Count()));
        },
        "the partitions have the owners that they should");

    /// <summary>Every message sent without a fault has exactly its row, and there is no other; and the counts say so.</summary>
    public async Task NothingIsLostOrDoubledAsync()
    {
        var expected = Sent.Select(message => (message.Stamp, message.Device)).Order().ToList();
        List<(DateTime, string)> found = [];
        await using var command = Owner.CreateCommand("SELECT date_trunc('milliseconds', time), device FROM conditions ORDER BY 1, 2");
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            found.Add((reader.GetDateTime(0), reader.GetString(1)));
        }

        Assert.Equal(expected.Count, found.Count);
        Assert.Equal(expected.Order(), found.Order());
        Assert.Equal(Ledger.Expected, await CountsAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await _sender.DisposeAsync();
        await _client.DisposeAsync();
        await Hub.DisposeAsync();
        await Owner.DisposeAsync();
    }
}
