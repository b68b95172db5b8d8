using System.Diagnostics;
using Dapper;
using Ingest.Database;
using Ingest.Database.Embedded;
using Ingest.Database.Migrations;
using Ingest.Database.Node;
using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

public sealed class EmbeddedDatabaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ingest-embedded-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Data_survives_a_restart_and_a_fresh_start_empties_it()
    {
        await using (var database = await StartAsync())
        {
            await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings(), Token);
            await StoreAsync(database.ConnectionString, 1_000);
        }

        await using (var database = await StartAsync())
        {
            // More chunks: it is a hypertable still.
            await StoreAsync(database.ConnectionString, 1_000, day: 20);
            Assert.Equal(2_000, await CountAsync(database.ConnectionString));
        }

        await using (var database = await StartAsync(fresh: true))
        {
            Assert.Null(await ScalarAsync<string>(database.ConnectionString, "SELECT to_regclass('conditions')::text"));
        }
    }

    [Fact]
    public async Task What_an_earlier_version_stored_as_the_superuser_is_handed_over()
    {
        await using (var database = await StartAsync())
        {
            await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings { RetentionDays = 36_500 }, Token);
            await StoreAsync(database.ConnectionString, 1_000);
            await using var connection = await OpenAsync(database.ConnectionString);
            await connection.ExecuteAsync(
                """
                SELECT compress_chunk(show_chunks('conditions'));
                CREATE SCHEMA plant;
                CREATE TYPE plant.state AS ENUM ('on', 'off');
                CREATE TABLE plant.machines (id integer GENERATED ALWAYS AS IDENTITY, number serial, state plant.state);
                CREATE VIEW plant.running AS SELECT id FROM plant.machines WHERE state = 'on';
                CREATE FUNCTION plant.one() RETURNS integer LANGUAGE sql AS 'SELECT 1';
                """);
        }

        await MakeOlderAsync();
        await using (var database = await StartAsync())
        {
            await StoreAsync(database.ConnectionString, 500);
            await StoreAsync(database.ConnectionString, 1_000, day: 20);
            Assert.Empty((await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings { RetentionDays = 36_400 }, Token)).Applied);
            await using var connection = await OpenAsync(database.ConnectionString);
            await connection.ExecuteAsync(
                """
                SELECT decompress_chunk(chunk) FROM show_chunks('conditions', older_than => '2026-01-10Z'::timestamptz) AS chunk;
                INSERT INTO plant.machines (state) VALUES ('on');
                ALTER TABLE plant.machines ADD name text;
                ALTER FUNCTION plant.one() RENAME TO two;
                ALTER TYPE plant.state ADD VALUE 'broken';
                DROP VIEW plant.running;
                DROP TABLE conditions;
                DROP SCHEMA plant CASCADE;
                """);
        }
    }

    [Fact]
    public async Task What_was_committed_survives_a_kill_of_the_server()
    {
        for (var round = 1; round <= 3; round++)
        {
            await using var database = await StartAsync();
            await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings(), Token);
            await StoreAsync(database.ConnectionString, 1_000, day: round);
            using (var server = Process.GetProcessById(database.ProcessId))
            {
                server.Kill();
            }

            await database.DiedByItself.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        }

        await using var last = await StartAsync();
        Assert.Equal(3_000, await CountAsync(last.ConnectionString));
    }

    [Fact]
    public async Task Nothing_survives_the_kill_of_its_parent_but_the_data()
    {
        using var owner = await DatabaseOwner.StartAsync(["embedded", _folder], Token);
        await DatabaseMigrator.MigrateAsync(owner.ConnectionString, new MigrationSettings(), Token);
        await StoreAsync(owner.ConnectionString, 1_000);

        await owner.KillAsync(Token);

        // At once: it waits for what the killed process left behind, which must not work on the same files.
        await using var database = await StartAsync();
        Assert.True(await DatabaseOwner.EndsAsync(owner.ServerProcessId, TimeSpan.Zero));
        Assert.Equal(1_000, await CountAsync(database.ConnectionString));
    }

    [Fact]
    public async Task It_ends_with_its_parent_even_in_the_middle_of_a_statement()
    {
        using var owner = await DatabaseOwner.StartAsync(["embedded", _folder], Token);
        await using var connection = new NpgsqlConnection(owner.ConnectionString);
        await connection.OpenAsync(Token);
        var endless = connection.ExecuteAsync("SELECT count(*) FROM generate_series(1, 100000000000)");

        await owner.KillAsync(Token);

        Assert.True(await DatabaseOwner.EndsAsync(owner.ServerProcessId, TimeSpan.FromSeconds(15)));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => endless);
    }

    [Fact]
    public async Task A_second_process_on_the_folder_is_refused_by_the_name_of_the_first()
    {
        using var owner = await DatabaseOwner.StartAsync(["embedded", _folder], Token);

        var refused = await Assert.ThrowsAsync<DatabaseSetupException>(() => StartAsync());

        Assert.Contains($"process {owner.ProcessId}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--database", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signals_of_the_terminal_leave_it_running()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await using var database = await StartAsync();
        foreach (var signal in (string[])["-INT", "-TERM", "-HUP"])
        {
            using var kill = Process.Start("kill", [signal, $"{database.ProcessId}"]);
            await kill.WaitForExitAsync(Token);
            Assert.Equal(0, kill.ExitCode);
        }

        Assert.Equal(1, await ScalarAsync<int>(database.ConnectionString, "SELECT 1"));
        Assert.False(database.DiedByItself.IsCompleted);
    }

    [Fact]
    public async Task Clients_take_turns_by_transaction_and_leave_each_other_no_settings()
    {
        await using var database = await StartAsync();
        await using var first = await OpenAsync(database.ConnectionString);
        await using var second = await OpenAsync(database.ConnectionString + ";Search Path=pg_catalog;Timezone=Asia/Tokyo");
        await first.ExecuteAsync("CREATE TABLE readings (value integer)");

        await using (var transaction = await first.BeginTransactionAsync(Token))
        {
            await first.ExecuteAsync("SET statement_timeout = 12345; INSERT INTO readings VALUES (1)");
            var waiting = second.ExecuteScalarAsync<int>("SELECT count(*) FROM public.readings");
            await first.ExecuteAsync("INSERT INTO readings VALUES (2)");
            Assert.False(waiting.IsCompleted);
            await transaction.CommitAsync(Token);
            Assert.Equal(2, await waiting);
        }

        Assert.Equal("Asia/Tokyo pg_catalog 0", await second.ExecuteScalarAsync<string>(Settings));
        Assert.Equal("UTC \"$user\", public 0", await first.ExecuteScalarAsync<string>(Settings));
    }

    [Fact]
    public async Task A_client_that_goes_away_in_a_transaction_rolls_back()
    {
        await using var database = await StartAsync();
        await using var watcher = await OpenAsync(database.ConnectionString);
        await watcher.ExecuteAsync("CREATE TABLE readings (value integer)");
        await using (var leaving = await OpenAsync(database.ConnectionString))
        {
            await leaving.ExecuteAsync("BEGIN; INSERT INTO readings VALUES (1)");
        }

        Assert.Equal(0, await watcher.ExecuteScalarAsync<int>("SELECT count(*) FROM readings"));
    }

    [Fact]
    public async Task Copy_from_stdin_is_refused_and_the_connection_goes_on()
    {
        await using var database = await StartAsync();
        await using var connection = await OpenAsync(database.ConnectionString);
        await connection.ExecuteAsync("CREATE TABLE readings (value integer)");

        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => connection.BeginBinaryImportAsync("COPY readings (value) FROM STDIN (FORMAT BINARY)", Token));

        Assert.Equal(PostgresErrorCodes.FeatureNotSupported, refused.SqlState);
        Assert.Equal(1, await connection.ExecuteAsync("INSERT INTO readings VALUES (1)"));
    }

    [Fact]
    public async Task Without_Node_it_says_what_to_install()
    {
        var said = await DatabaseOwner.FailureAsync(["embedded", _folder], path: _folder, Token);

        Assert.Contains("Install Node.js 20 or later", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Node_that_is_too_old_is_named()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var old = Path.Combine(_folder, "node");
        await File.WriteAllTextAsync(old, "#!/bin/sh\necho v16.20.2\n", Token);
        File.SetUnixFileMode(old, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var said = await DatabaseOwner.FailureAsync(["embedded", _folder], path: _folder, Token);

        Assert.Contains("Node.js v16.20.2 is too old", said, StringComparison.Ordinal);
    }

    private const string Settings = "SELECT current_setting('TimeZone') || ' ' || current_setting('search_path') || ' ' || current_setting('statement_timeout')";

    private Task<EmbeddedDatabase> StartAsync(bool fresh = false) => EmbeddedDatabase.StartAsync(
        new EmbeddedDatabaseSettings { DataFolder = _folder, Fresh = fresh, PackagesFolder = TestPackages.StateFolder },
        progress: null,
        Token);

    private async Task MakeOlderAsync()
    {
        var packages = await NodePackages.InstallAsync(NodePackageSet.EmbeddedDatabase, TestPackages.StateFolder, progress: null, Token);
        var older = await NodeCommand.RunAsync(
            NodeCommand.StartInfo("node", [Path.Combine(NodeCommand.Scripts, "older.mjs"), packages.Folder, Path.Combine(_folder, "postgres")]),
            Token);
        Assert.True(older.ExitCode == 0, older.Errors);
    }

    private static async Task StoreAsync(string connectionString, int rows, int day = 1)
    {
        await using var connection = await OpenAsync(connectionString);
        await connection.ExecuteAsync(
            "INSERT INTO conditions (time, device) SELECT '2026-01-01Z'::timestamptz + @day * INTERVAL '1 day' + n * INTERVAL '1 s', 'd' FROM generate_series(1, @rows) AS n ON CONFLICT DO NOTHING",
            new { day, rows });
    }

    private static Task<int> CountAsync(string connectionString) => ScalarAsync<int>(connectionString, "SELECT count(*) FROM conditions");

    private static async Task<T?> ScalarAsync<T>(string connectionString, string sql)
    {
        await using var connection = await OpenAsync(connectionString);
        return await connection.ExecuteScalarAsync<T>(sql);
    }

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(Token);
        return connection;
    }
}
