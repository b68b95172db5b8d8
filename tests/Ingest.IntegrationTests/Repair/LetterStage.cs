using System.Text;
using Ingest.Database.Migrations;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Repair;

/// <summary>A database with dead letters, and the commands that mend them under a login that owns nothing.</summary>
internal sealed class LetterStage : IAsyncDisposable
{
    public static readonly DateTime Stamp = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    private readonly IAsyncDisposable? _database;

    private LetterStage(string owner, string login, IAsyncDisposable? database = null)
    {
        _database = database;
        Owner = NpgsqlDataSource.Create(owner);
        Environment = new Dictionary<string, string> { ["Database__ConnectionString"] = login };
    }

    public NpgsqlDataSource Owner { get; }

    /// <summary>The settings of the commands.</summary>
    public Dictionary<string, string> Environment { get; }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<LetterStage> CreateAsync(PostgresFixture postgres)
    {
        var server = await postgres.ServerAsync();
        var database = await server.CreateDatabaseAsync(Cancelled);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, Cancelled);
        return new LetterStage(database, await server.CreateLoginAsync(database, memberOf: "ingest_writer", Cancelled));
    }

    public static async Task<LetterStage> CreateAsync(TimescaleFixture timescale)
    {
        var database = await timescale.CreateAsync(Cancelled);
        var stage = new LetterStage(database.ConnectionString, database.ConnectionString, database);
        stage.Environment["Database__Copy"] = database.IsEmbedded ? "false" : "true";
        return stage;
    }

    /// <summary>A message as IoT Hub hands it over, so many milliseconds after <see cref="Stamp"/>.</summary>
    public static RawEvent Message(string body, string? device = "a", int? at = 0) => Message(Encoding.UTF8.GetBytes(body), device, at);

    /// <inheritdoc cref="Message(string, string?, int?)"/>
    public static RawEvent Message(byte[] body, string? device = "a", int? at = 0) => new()
    {
        Hub = "test/hub",
        Partition = "0",
        RowTime = at is { } milliseconds ? Stamp.AddMilliseconds(milliseconds) : null,
        DeviceId = device,
        MessageSource = "Telemetry",
        Body = body,
    };

    /// <summary>The default columns, of which text is made a number: what was rejected for it is a row then.</summary>
    public static TelemetrySettings Converting() => new()
    {
        Columns = { new() { Name = "temperature", Convert = true }, new() { Name = "humidity", Convert = true } },
    };

    /// <summary>From now on the commands have the settings of <see cref="Converting"/>.</summary>
    public LetterStage Convert()
    {
        Set("Telemetry__Columns__0__Name", "temperature");
        Set("Telemetry__Columns__0__Convert", "true");
        Set("Telemetry__Columns__1__Name", "humidity");
        return Set("Telemetry__Columns__1__Convert", "true");
    }

    /// <summary>From now on the commands have this setting.</summary>
    public LetterStage Set(string name, string value)
    {
        Environment[name] = value;
        return this;
    }

    /// <summary>Stores messages as a worker does.</summary>
    public Task<ReadingCounts> LiveAsync(params IReadOnlyList<RawEvent> messages) => LiveAsync(new IngestSettings(), messages);

    /// <inheritdoc cref="LiveAsync(IReadOnlyList{RawEvent})"/>
    public async Task<ReadingCounts> LiveAsync(IngestSettings settings, params IReadOnlyList<RawEvent> messages)
    {
        settings.Database.Copy = !Environment.ContainsKey("Database__Copy");
        await using var pipeline = new IngestPipeline(Owner, settings);
        return (await pipeline.ProcessAsync(messages, checkpoint: null, Cancelled)).Counts;
    }

    /// <summary>Runs <c>ingest deadletters</c>.</summary>
    public Task<CliResult> RunAsync(params IEnumerable<string> arguments) =>
        CliProcess.RunAsync(Environment, ["deadletters", .. arguments]);

    /// <summary>Runs <c>ingest deadletters … --json</c>, which ends as it should.</summary>
    public async Task<System.Text.Json.JsonElement> JsonAsync(int exitCode, params IEnumerable<string> arguments)
    {
        var result = await RunAsync([.. arguments, "--json"]);
        Assert.True(result.ExitCode == exitCode, result.ToString());
        return result.Json;
    }

    /// <summary>Every row: milliseconds after <see cref="Stamp"/>, device and values.</summary>
    public async Task<List<string>> RowsAsync()
    {
        await using var command = Owner.CreateCommand(
            """
            SELECT concat_ws(' ', round(extract(epoch FROM date_trunc('milliseconds', time) - $1) * 1000)::integer, device,
                coalesce(temperature::text, '-'), coalesce(humidity::text, '-'))
            FROM conditions ORDER BY date_trunc('milliseconds', time), device, temperature, humidity
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = Stamp });
        List<string> rows = [];
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        while (await reader.ReadAsync(Cancelled))
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Owner.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(Cancelled))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Owner.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    /// <summary>The accounts, which are whole on every day.</summary>
    public async Task<DeadLetterAccounts> AccountsAsync()
    {
        Assert.Equal(0, await ScalarAsync<long>(
            """
            SELECT count(*) FROM dead_letter_accounts
            WHERE dead_lettered <> open + stored + duplicate + discarded + not_kept + past_retention
               OR least(open, stored, duplicate, discarded, not_kept, past_retention) < 0
            """));
        return await new StoreReader(Owner, new TargetTable(null, "conditions", [])).DeadLetterAccountsAsync(Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        await Owner.DisposeAsync();
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }
}
