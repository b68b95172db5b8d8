using Dapper;
using Ingest.Database;
using Ingest.Database.Migrations;
using Ingest.IntegrationTests.Write;
using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

/// <summary>Databases that are not empty, or not set up as a new one is.</summary>
public sealed class MigrationOverWhatIsThereTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task Without_a_schema_in_the_search_path_it_says_where_the_tables_could_go(Server server)
    {
        await using var database = await EmptyAsync(server, "SET search_path = nowhere");

        var refused = await RefusedAsync(database.Source);

        Assert.Contains("search path (nowhere)", refused, StringComparison.Ordinal);
        Assert.Contains("CREATE SCHEMA", refused, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Server.Native, "(\"time\" timestamptz NOT NULL, sensor text)", "no column device")]
    [InlineData(Server.Timescale, "(\"time\" timestamptz NOT NULL, sensor text)", "no column device")]
    [InlineData(Server.Native, "(at timestamptz, device text)", "no column time")]
    [InlineData(Server.Timescale, "(at timestamptz, device text)", "no column time")]
    [InlineData(Server.Native, "(\"time\" timestamp, device text)", "time is timestamp without time zone")]
    [InlineData(Server.Timescale, "(\"time\" timestamptz, device integer)", "device is integer")]
    [InlineData(Server.Timescale, "(id bigserial PRIMARY KEY, \"time\" timestamptz, device text)", "conditions_pkey")]
    [InlineData(Server.Native, "(\"time\" timestamptz, device text) PARTITION BY LIST (device)", "partitioned by LIST (device)")]
    public async Task A_table_that_does_not_fit_is_named_before_anything_is_changed(Server server, string table, string says)
    {
        await using var database = await EmptyAsync(server);
        await database.ExecuteAsync($"CREATE TABLE conditions {table}");
        var before = await database.TablesAsync();

        var refused = await RefusedAsync(database.Source);

        Assert.Contains(says, refused, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed", refused, StringComparison.Ordinal);
        Assert.Equal(before, await database.TablesAsync());
    }

    [Theory]
    [InlineData(Server.Native, "TABLE checkpoints (id integer)", "checkpoints")]
    [InlineData(Server.Timescale, "TABLE dead_letters (body text)", "dead_letters")]
    [InlineData(Server.Native, "VIEW partition_owners AS SELECT 1 AS owned_since", "partition_owners")]
    public async Task A_name_that_somebody_elses_table_has_is_told_before_anything_is_changed(Server server, string made, string says)
    {
        await using var database = await EmptyAsync(server);
        await database.ExecuteAsync($"CREATE {made}");
        var before = await database.TablesAsync();

        Assert.Contains($"needed here: {says}.", await RefusedAsync(database.Source), StringComparison.Ordinal);
        Assert.Equal(before, await database.TablesAsync());
    }

    [Fact]
    public async Task Rows_of_an_ordinary_table_are_not_moved_into_chunks_unasked()
    {
        await using var database = await EmptyAsync(Server.Timescale);
        await database.ExecuteAsync(
            "CREATE TABLE conditions (time timestamptz NOT NULL, device text NOT NULL, temperature double precision, humidity double "
                + "precision); INSERT INTO conditions VALUES (now(), 'd', 1, 2)");

        Assert.Contains("migrate_data => true", await RefusedAsync(database.Source), StringComparison.Ordinal);

        // What it advises.
        await database.ExecuteAsync(
            "SELECT create_hypertable('conditions', 'time', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false, "
                + "migrate_data => true)");
        var report = await DatabaseMigrator.MigrateAsync(database.Source, new MigrationSettings(), Token);
        Assert.Equal(TableLayout.Hypertable, report.Layout);
        Assert.Equal(["1"], await database.ListAsync("SELECT count(*)::text FROM conditions"));
    }

    [Theory]
    [InlineData(Server.Native, "SQL, DMY", "America/New_York")]
    [InlineData(Server.Native, "German", "Asia/Kolkata")]
    [InlineData(Server.Native, "Postgres, MDY", "Pacific/Kiritimati")]
    [InlineData(Server.Timescale, "SQL, DMY", "Asia/Shanghai")]
    [InlineData(Server.Timescale, "German", "Asia/Kolkata")]
    public async Task A_partition_is_a_UTC_day_whatever_the_sessions_date_style_and_time_zone(Server server, string style, string zone)
    {
        await using var database = await EmptyAsync(server, $"SET datestyle = '{style}'; SET timezone = '{zone}'");

        var settings = new MigrationSettings { PlainPostgres = true, PartitionDaysAhead = 40 };
        await DatabaseMigrator.MigrateAsync(database.Source, settings, Token);

        var bounds = await database.ListAsync(
            "SELECT c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
                + "WHERE i.inhparent = 'conditions'::regclass AND c.relname <> 'conditions_default'",
            session: "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'");
        Assert.Equal(7 + 1 + 40, bounds.Count);
        Assert.All(bounds, bound =>
        {
            var day = DateOnly.ParseExact(bound.AsSpan("conditions_".Length, 8), "yyyyMMdd");
            Assert.EndsWith($"FROM ('{day:yyyy-MM-dd} 00:00:00+00') TO ('{day.AddDays(1):yyyy-MM-dd} 00:00:00+00')", bound);
        });
    }

    private static async Task<string> RefusedAsync(NpgsqlDataSource source) =>
        (await Assert.ThrowsAsync<DatabaseSetupException>(
            () => DatabaseMigrator.MigrateAsync(source, new MigrationSettings(), Token))).Message;

    /// <param name="server">Which.</param>
    /// <param name="session">What each session begins with.</param>
    private async Task<EmptyDatabase> EmptyAsync(Server server, string session = "")
    {
        var owner = server == Server.Timescale ? await timescale.CreateAsync(migration: null, Token) : null;
        var builder = new NpgsqlDataSourceBuilder(owner?.ConnectionString ?? await postgres.CreateDatabaseAsync(Token));
        if (session.Length > 0)
        {
            builder.UsePhysicalConnectionInitializer(
                connection => connection.Execute(session), connection => connection.ExecuteAsync(session));
        }

        return new EmptyDatabase(builder.Build(), owner);
    }

    private sealed record EmptyDatabase(NpgsqlDataSource Source, IAsyncDisposable? Owner) : IAsyncDisposable
    {
        public async Task ExecuteAsync(string sql)
        {
            await using var connection = await Source.OpenConnectionAsync(Token);
            await connection.ExecuteAsync(sql);
        }

        public async Task<IReadOnlyList<string>> ListAsync(string sql, string session = "SELECT 1")
        {
            await using var connection = await Source.OpenConnectionAsync(Token);
            await connection.ExecuteAsync(session);
            return [.. await connection.QueryAsync<string>(sql)];
        }

        public Task<IReadOnlyList<string>> TablesAsync() => ListAsync(
            "SELECT c.relname || ' ' || c.relkind::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                + "WHERE n.nspname = current_schema() ORDER BY 1");

        public async ValueTask DisposeAsync()
        {
            if (Owner is not null)
            {
                // The embedded server keeps a session's settings for whoever comes next.
                await ExecuteAsync("SET datestyle = 'ISO, MDY'; SET timezone = 'UTC'; SET search_path = \"$user\", public");
            }

            await Source.DisposeAsync();
            if (Owner is not null)
            {
                await Owner.DisposeAsync();
            }
        }
    }
}
