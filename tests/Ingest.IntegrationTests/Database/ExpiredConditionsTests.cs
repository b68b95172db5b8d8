using Dapper;
using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

/// <summary>Retention that runs by itself: the one thing a writer may have removed, whole days past the retention.</summary>
public sealed class ExpiredConditionsTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    // The youngest row of each day and its oldest, for twenty days back and three ahead.
    private const string Rows =
        """
        INSERT INTO conditions (time, device)
        SELECT d + o, 'd' FROM generate_series(date_trunc('day', now(), 'UTC') - INTERVAL '20 days', now() + INTERVAL '3 days', INTERVAL '1 day') AS d,
                              (VALUES (INTERVAL '0'), (INTERVAL '23 hours 59 minutes 59.999999 seconds')) AS o(o)
        """;

    // The day of the boundary is kept whole: a part of it is younger.
    private const string Kept = "SELECT min(time) = date_trunc('day', now() - INTERVAL '10 days', 'UTC') AND count(*) = 28 FROM conditions";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_partitions_a_writer_has_whole_days_dropped_and_nothing_younger()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, Token);
        await using var owner = await OpenAsync(database);
        await owner.ExecuteAsync(Rows);
        var inDefault = await owner.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions_default");
        Assert.True(inDefault > 0, "Some of the days have no partition.");
        await using var writer = await OpenAsync(await (await postgres.ServerAsync()).CreateLoginAsync(database, memberOf: "ingest_writer", Token));

        await writer.ExecuteAsync("SELECT drop_expired_conditions(10)");

        Assert.True(await owner.ExecuteScalarAsync<bool>(Kept));
        Assert.Equal(0, await writer.ExecuteScalarAsync<int>("SELECT drop_expired_conditions(10)"));
        Assert.Equal(3, await writer.ExecuteScalarAsync<int>("SELECT drop_expired_conditions(4)"));
    }

    [Fact]
    public async Task On_a_hypertable_a_writer_has_whole_chunks_dropped_and_nothing_younger()
    {
        await using var database = await timescale.CreateAsync(Token);
        await using var connection = await OpenAsync(database.ConnectionString);
        await connection.ExecuteAsync(Rows);
        await using var transaction = await connection.BeginTransactionAsync(Token);
        await connection.ExecuteAsync("SET LOCAL ROLE ingest_writer");

        Assert.Equal(10, await connection.ExecuteScalarAsync<int>("SELECT drop_expired_conditions(10)"));

        Assert.True(await connection.ExecuteScalarAsync<bool>(Kept));
        Assert.Equal(0, await connection.ExecuteScalarAsync<int>("SELECT drop_expired_conditions(10)"));
        await transaction.RollbackAsync(Token);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("NULL")]
    public async Task A_retention_of_less_than_a_day_is_refused(string days)
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, Token);
        await using var connection = await OpenAsync(database);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteAsync($"SELECT drop_expired_conditions({days})"));
        Assert.Equal(PostgresErrorCodes.InvalidParameterValue, refused.SqlState);
    }

    [Fact]
    public async Task An_ordinary_table_is_left_alone_and_said_to_be_one()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await using var connection = await OpenAsync(database);
        await connection.ExecuteAsync("CREATE TABLE conditions (time timestamptz NOT NULL, device text NOT NULL); CREATE UNIQUE INDEX ON conditions (time, device)");
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, Token);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteAsync("SELECT drop_expired_conditions(1)"));
        Assert.Equal(PostgresErrorCodes.FeatureNotSupported, refused.SqlState);
    }

    [Fact]
    public async Task Nobody_else_may_call_it_and_a_caller_cannot_point_it_at_other_tables()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, Token);
        var server = await postgres.ServerAsync();
        await using var stranger = await OpenAsync(await server.CreateLoginAsync(database, cancellationToken: Token));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => stranger.ExecuteAsync("SELECT drop_expired_conditions(1)"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);

        // A catalogue of the caller's own that says the dead letters were an old partition.
        await using var writer = await OpenAsync(await server.CreateLoginAsync(database, memberOf: "ingest_writer", Token));
        await writer.ExecuteAsync(
            """
            CREATE TEMPORARY TABLE pg_inherits AS SELECT 'dead_letters'::regclass::oid AS inhrelid, 'conditions'::regclass::oid AS inhparent;
            CREATE TEMPORARY TABLE pg_class AS SELECT 'dead_letters'::regclass::oid AS oid, 'conditions_20000101'::name AS relname, 'p'::"char" AS relkind
                UNION ALL SELECT 'conditions'::regclass, 'conditions', 'p';
            """);
        Assert.Equal(0, await writer.ExecuteScalarAsync<int>("SELECT drop_expired_conditions(100)"));
        await writer.ExecuteAsync("SELECT count(*) FROM dead_letters");
    }

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Token);
        return connection;
    }
}
