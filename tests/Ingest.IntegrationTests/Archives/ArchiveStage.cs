using System.Globalization;
using System.Text;
using Azure.Messaging.EventHubs;
using Ingest.Database.Migrations;
using Ingest.Events;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Npgsql;

namespace Ingest.IntegrationTests.Archives;

/// <summary>A native PostgreSQL, an archive in a folder, and the command that replays it under a login that owns nothing.</summary>
internal sealed class ArchiveStage : IAsyncDisposable
{
    public static readonly DateTime Begin = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    private ArchiveStage(string ownersLogin, NpgsqlDataSource owner, string login)
    {
        OwnersLogin = ownersLogin;
        Owner = owner;
        Environment = new Dictionary<string, string> { ["Database__ConnectionString"] = login };
    }

    /// <summary>The connection string of the tables' owner.</summary>
    public string OwnersLogin { get; }

    public NpgsqlDataSource Owner { get; }

    public Dictionary<string, string> Environment { get; }

    public ArchiveFolder Folder { get; } = new();

    public static async Task<ArchiveStage> CreateAsync(PostgresFixture postgres)
    {
        var server = await postgres.ServerAsync();
        var database = await server.CreateDatabaseAsync();
        var owner = NpgsqlDataSource.Create(database);
        await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings { PlainPostgres = true }, CancellationToken.None);
        return new ArchiveStage(database, owner, await server.CreateLoginAsync(database, memberOf: "ingest_writer"));
    }

    /// <summary>Messages of a few devices, ten a second, some of them in the same millisecond.</summary>
    public static List<ArchivedMessage> Messages(int count, int first = 0) => [.. Enumerable.Range(first, count).Select(
        number => new ArchivedMessage(
            $"device-{number % 7}",
            Begin.AddMilliseconds(100 * (number - (number % 3))),
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"temperature":{{number}}.5,"humidity":40}"""))))];

    public CliProcess Start(params IEnumerable<string> arguments) =>
        CliProcess.Start(Environment, ["replay", "--archive", Folder.Path, "--json", .. arguments]);

    public async Task<CliResult> ReplayAsync(params IEnumerable<string> arguments)
    {
        await using var process = Start(arguments);
        return await process.EndAsync();
    }

    /// <summary>Stores messages as the worker does when they come from the hub.</summary>
    public async Task<ReadingCounts> LiveAsync(IEnumerable<ArchivedMessage> messages)
    {
        var mapping = new EventMapping("hub", "0", EventFields.Default);
        await using var pipeline = new IngestPipeline(Owner, new IngestSettings());
        return (await pipeline.ProcessAsync(
            [.. messages.Select(message => mapping.ToEvent(Live(message)))], checkpoint: null, CancellationToken.None)).Counts;
    }

    /// <summary>Every row: stamp, device and values.</summary>
    public async Task<List<string>> RowsAsync()
    {
        await using var command = Owner.CreateCommand(
            "SELECT date_trunc('milliseconds', time)::text || ' ' || device || ' ' || temperature FROM conditions ORDER BY 1");
        await using var reader = await command.ExecuteReaderAsync();
        List<string> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    public async Task<long> CountAsync()
    {
        await using var command = Owner.CreateCommand("SELECT count(*) FROM conditions");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async Task<string> TextAsync(string sql)
    {
        await using var command = Owner.CreateCommand(sql);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Owner.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Folder.Dispose();
        await Owner.DisposeAsync();
    }

    private static EventData Live(ArchivedMessage message)
    {
        var annotations = new Dictionary<string, object>
        {
            ["iothub-enqueuedtime"] = message.Stamp,
            ["x-opt-enqueued-time"] = message.Stamp + message.HubLag,
            ["iothub-message-source"] = "Telemetry",
        };
        if (message.Device is { } device)
        {
            annotations["iothub-connection-device-id"] = device;
        }

        return TestHub.Message(Encoding.UTF8.GetString(message.Body), annotations);
    }
}
