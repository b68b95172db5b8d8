using Azure.Messaging.EventHubs;
using Ingest.Checkpoints;
using Ingest.Database.Migrations;
using Ingest.LocalHub;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Ingest.Worker;
using Ingest.Worker.Ownership;
using Ingest.Write;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>
/// The way from a hub to a table: a local hub whose clock stands still, the worker, and a native PostgreSQL in which its login owns
/// nothing.
/// </summary>
internal sealed class TableStage : IAsyncDisposable
{
    /// <summary>When everything is enqueued.</summary>
    public static readonly DateTime Stamp = new(2026, 5, 1, 12, 0, 0, 123, DateTimeKind.Utc);

    private readonly NpgsqlDataSource _owner;
    private readonly NpgsqlDataSource _login;
    private readonly HubClient _client;
    private readonly IngestPipeline _pipeline;
    private readonly HubWorker _worker;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _working;

    private TableStage(
        LocalEventHub hub, NpgsqlDataSource owner, DatabaseSettings database, TelemetrySettings telemetry, ILogger? logger)
    {
        Hub = hub;
        _owner = owner;
        _login = DatabaseConnections.Create(database);
        _client = new HubClient(
            new HubSettings { ConnectionString = hub.ConnectionString }, TimeProvider.System, NullLogger<HubClient>.Instance);
        _pipeline = new IngestPipeline(_login, new IngestSettings { Telemetry = telemetry, Database = database }, loggers: logger is null
            ? null : new OneLogger(logger));
        _worker = new HubWorker(
            _client,
            _pipeline.Fields,
            new CheckpointTable(_login).ClaimAsync,
            _pipeline.ProcessAsync,
            new DatabaseOwnership(new PartitionOwnerTable(_login), _client.Hub));
        _working = _worker.RunAsync(_stop.Token, CancellationToken.None);
    }

    public LocalEventHub Hub { get; }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <param name="postgres">The server.</param>
    /// <param name="telemetry">The mapping.</param>
    /// <param name="table">Makes the table of the mapping; null for the default one.</param>
    /// <param name="logger">Takes what the pipeline logs.</param>
    public static async Task<TableStage> StartAsync(
        PostgresFixture postgres, TelemetrySettings telemetry, string? table = null, ILogger? logger = null)
    {
        var server = await postgres.ServerAsync();
        var connectionString = await server.CreateDatabaseAsync(Cancelled);
        var owner = NpgsqlDataSource.Create(connectionString);
        await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings(), Cancelled);
        if (table is not null)
        {
            await using var create = owner.CreateCommand(table);
            await create.ExecuteNonQueryAsync(Cancelled);
        }

        var login = await server.CreateLoginAsync(connectionString, memberOf: "ingest_writer", Cancelled);
        var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Clock = new FakeTimeProvider(Stamp) }, Cancelled);
        return new TableStage(hub, owner, new DatabaseSettings { ConnectionString = login }, telemetry, logger);
    }

    /// <summary>Sends messages to the first partition, in one batch: a transaction of their own.</summary>
    public async Task SendAsync(params IReadOnlyList<EventData> messages)
    {
        await using var sender = new HubSender(_client);
        await sender.SendAsync(messages, SendTarget.Partition("0"), Cancelled);
    }

    /// <summary>Sends messages to one partition.</summary>
    public async Task SendAsync(params EventData[] messages)
    {
        await using var sender = new HubSender(_client);
        await sender.SendAsync(messages, SendTarget.Partition("0"), Cancelled);
    }

    /// <summary>The checkpoints, when so many readings are counted.</summary>
    public async Task<IReadOnlyList<StoredCheckpoint>> ReceivedAsync(long readings)
    {
        IReadOnlyList<StoredCheckpoint> checkpoints = [];
        await Eventually.IsTrueAsync(
            async () =>
            {
                Assert.False(_working.IsCompleted, $"The worker ended: {_working.Exception}");
                checkpoints = await new CheckpointTable(_owner).ListAsync(Cancelled);
                return checkpoints.Sum(checkpoint => checkpoint.Counts.Received) >= readings;
            },
            $"{readings} readings are counted");
        Assert.All(checkpoints, checkpoint => Assert.True(checkpoint.Counts.Balance));
        return checkpoints;
    }

    /// <summary>What a query returns, as its owner sees it; NULL is null.</summary>
    public async Task<List<object?[]>> QueryAsync(string sql)
    {
        List<object?[]> rows = [];
        await using var command = _owner.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        while (await reader.ReadAsync(Cancelled))
        {
            var row = new object?[reader.FieldCount];
            reader.GetValues(row!);
            rows.Add([.. row.Select(value => value is DBNull ? null : value)]);
        }

        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _working;
        _worker.Dispose();
        await _pipeline.DisposeAsync();
        await _client.DisposeAsync();
        await Hub.DisposeAsync();
        await _login.DisposeAsync();
        await _owner.DisposeAsync();
        _stop.Dispose();
    }

    private sealed class OneLogger(ILogger logger) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => logger;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
