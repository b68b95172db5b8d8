using Dapper;
using Ingest.Database;
using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

public sealed class MigrationTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Timescale_gets_a_hypertable_with_the_unique_index_alone()
    {
        await using var database = await timescale.CreateAsync(migration: null, Token);

        var report = await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings(), Token);

        Assert.Equal(DatabaseEdition.TimescaleFull, report.Edition);
        Assert.Equal(TableLayout.Hypertable, report.Layout);
        Assert.Empty(report.LeftOut);
        Assert.Equal(
            [
                "0001_conditions.timescale.sql",
                "0002_dead_letters.sql",
                "0003_dead_letter_quotas.sql",
                "0004_checkpoints.sql",
                "0005_compression.timescale-full.sql",
                "0009_partition_owners.sql",
                "0010_dead_letter_totals.sql",
                "0011_drop_expired.timescale.sql",
                "0012_dead_letter_repair.sql",
                "0014_forgotten_devices.sql",
            ],
            report.Applied);
        await using var connection = await OpenAsync(database.ConnectionString);
        var indexes = await connection.QueryAsync<string>(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'conditions'");
        Assert.Contains("UNIQUE INDEX conditions_time_device_idx", Assert.Single(indexes), StringComparison.Ordinal);
        var dimension = await connection.ExecuteScalarAsync<TimeSpan>(
            "SELECT time_interval FROM timescaledb_information.dimensions WHERE hypertable_schema = current_schema() AND "
                + "hypertable_name = 'conditions'");
        Assert.Equal(TimeSpan.FromDays(1), dimension);
    }

    [Fact]
    public async Task An_upsert_reaches_into_a_compressed_chunk()
    {
        await using var database = await timescale.CreateAsync(Token);
        await using var connection = await OpenAsync(database.ConnectionString);
        const string Upsert =
            "INSERT INTO conditions (time, device, temperature) VALUES ('2026-01-01T00:00:00Z', 'd', 1), ('2026-01-01T00:00:01Z', "
                + "@device, 2) ON CONFLICT (time, device) DO NOTHING";

        await connection.ExecuteAsync(Upsert, new { device = "d" });
        await connection.ExecuteAsync("SELECT compress_chunk(show_chunks('conditions'))");
        var stored = await connection.ExecuteAsync(Upsert, new { device = "e" });

        Assert.Equal(1, stored);
        Assert.Equal(3, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions"));
    }

    [Fact]
    public async Task A_second_migration_changes_nothing()
    {
        await using var database = await timescale.CreateAsync(Token);
        await using (var connection = await OpenAsync(database.ConnectionString))
        {
            await connection.ExecuteAsync("INSERT INTO conditions (time, device) VALUES (now(), 'd')");
        }

        var again = await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings(), Token);

        Assert.Empty(again.Applied);
        await using var after = await OpenAsync(database.ConnectionString);
        Assert.Equal(1, await after.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions"));
    }

    [Fact]
    public async Task A_retention_is_a_policy_on_the_full_edition_and_can_be_changed()
    {
        await using var database = await timescale.CreateAsync(new MigrationSettings { RetentionDays = 30 }, Token);

        await DatabaseMigrator.MigrateAsync(database.ConnectionString, new MigrationSettings { RetentionDays = 60 }, Token);

        await using var connection = await OpenAsync(database.ConnectionString);
        var dropAfter = await connection.QueryAsync<string>(
            "SELECT config ->> 'drop_after' FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention' AND "
                + "hypertable_schema = current_schema()");
        Assert.Equal("60 days", Assert.Single(dropAfter));
    }

    [Fact]
    public async Task Plain_PostgreSQL_gets_a_partition_a_day_and_is_told_so()
    {
        var database = await postgres.CreateDatabaseAsync(Token);

        var report = await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PartitionDaysAhead = 3 }, Token);

        Assert.Equal(DatabaseEdition.PlainPostgres, report.Edition);
        Assert.Equal(TableLayout.DayPartitions, report.Layout);
        Assert.Contains(
            report.LeftOut,
            left => left.What.Contains("hypertable", StringComparison.Ordinal) && left.ToDo!.Contains(
                "every 3 days", StringComparison.Ordinal));
        await using var connection = await OpenAsync(database);
        var today = await connection.ExecuteScalarAsync<DateOnly>("SELECT (now() AT TIME ZONE 'UTC')::date");
        Assert.Equal(today.AddDays(3), report.PartitionsUntil);
        Assert.Equal(7 + 1 + 3 + 1, await PartitionsAsync(connection));
    }

    [Fact]
    public async Task The_next_migration_moves_rows_from_the_default_partition_to_their_days()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PartitionDaysAhead = 1 }, Token);
        await using var connection = await OpenAsync(database);
        await connection.ExecuteAsync(
            "INSERT INTO conditions (time, device) SELECT now() + n * INTERVAL '1 day', 'd' FROM generate_series(-20, 5) AS n");
        Assert.Equal(13 + 4, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions_default"));

        var report = await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PartitionDaysAhead = 2 }, Token);

        Assert.Empty(report.Applied);
        Assert.Equal(0, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions_default"));
        Assert.Equal(26, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions"));
        Assert.Equal(26 + 1, await PartitionsAsync(connection));
        await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteAsync("INSERT INTO conditions SELECT * FROM conditions"));
    }

    [Fact]
    public async Task A_retention_on_plain_PostgreSQL_drops_what_is_past_it_now()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings(), Token);
        await using var connection = await OpenAsync(database);
        await connection.ExecuteAsync(
            "INSERT INTO conditions (time, device) SELECT now() - n * INTERVAL '1 day', 'd' FROM generate_series(0, 19) AS n");

        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { RetentionDays = 10 }, Token);

        Assert.Equal(11, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions"));
    }

    [Fact]
    public async Task Several_migrations_at_once_wait_for_each_other()
    {
        for (var round = 0; round < 3; round++)
        {
            var database = await postgres.CreateDatabaseAsync(Token);
            await Task.WhenAll(
                Enumerable.Range(0, 2).Select(
                    _ => Task.Run(() => DatabaseMigrator.MigrateAsync(database, new MigrationSettings(), Token))));

            await using var connection = await OpenAsync(database);
            var journal = await connection.QueryAsync<string>("SELECT scriptname FROM ingest_migrations ORDER BY scriptname");
            Assert.Equal(
                [
                    "0001_conditions.postgres.sql",
                    "0002_dead_letters.sql",
                    "0003_dead_letter_quotas.sql",
                    "0004_checkpoints.sql",
                    "0009_partition_owners.sql",
                    "0010_dead_letter_totals.sql",
                    "0011_drop_expired.postgres.sql",
                    "0012_dead_letter_repair.sql",
                    "0014_forgotten_devices.sql",
                ],
                journal);
        }
    }

    [Fact]
    public async Task A_failed_migration_leaves_nothing_behind()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await using var connection = await OpenAsync(database);
        await connection.ExecuteAsync("CREATE VIEW checkpoints AS SELECT 1 AS one; CREATE VIEW dead_letters AS SELECT 1 AS one");

        await Assert.ThrowsAsync<DatabaseSetupException>(() => DatabaseMigrator.MigrateAsync(database, new MigrationSettings(), Token));

        Assert.Null(await connection.ExecuteScalarAsync<string>("SELECT to_regclass('conditions')::text"));
    }

    [Fact]
    public async Task An_ordinary_table_that_was_there_stays_as_it_is()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await using var connection = await OpenAsync(database);
        await connection.ExecuteAsync(
            "CREATE TABLE conditions (time timestamptz NOT NULL, device text NOT NULL, temperature double precision, humidity double "
                + "precision); CREATE UNIQUE INDEX ON conditions (time, device)");

        var report = await DatabaseMigrator.MigrateAsync(database, new MigrationSettings(), Token);

        Assert.Equal(TableLayout.Ordinary, report.Layout);
        Assert.Contains(report.LeftOut, left => left.Why.Contains("ordinary table", StringComparison.Ordinal));
        Assert.Equal("checkpoints", await connection.ExecuteScalarAsync<string>("SELECT to_regclass('checkpoints')::text"));
    }

    [Fact]
    public async Task A_member_of_ingest_writer_owns_nothing_and_can_do_what_the_worker_does()
    {
        var database = await postgres.CreateDatabaseAsync(Token);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings(), Token);
        var server = await postgres.ServerAsync();
        await using var connection = await OpenAsync(await server.CreateLoginAsync(database, memberOf: "ingest_writer", Token));

        await connection.ExecuteAsync(
            """
            INSERT INTO conditions VALUES (now(), 'd', 1, 2), (now() - INTERVAL '100 days', 'd', 1, 2) ON CONFLICT (time, device) DO NOTHING;
            SELECT * FROM conditions;
            INSERT INTO checkpoints (hub, consumer_group, partition, epoch, updated_at) VALUES ('h', 'g', '0', 1, now());
            UPDATE checkpoints SET epoch = epoch + 1;
            INSERT INTO dead_letters (key, reason, detail, element, hub, partition, properties, body, received_at)
                VALUES ('\x00', 'not_json', 'x', -1, 'h', '0', '{}', '\x00', now()) ON CONFLICT DO NOTHING;
            DELETE FROM dead_letters WHERE received_at < now();
            INSERT INTO dead_letter_quotas VALUES ('d', current_date, 1, 0) ON CONFLICT (device, day) DO UPDATE SET kept = dead_letter_quotas.kept + 1;
            DELETE FROM dead_letter_quotas;
            INSERT INTO dead_letter_totals VALUES (current_date, 1, 0, 0) ON CONFLICT (day) DO UPDATE SET kept = dead_letter_totals.kept + 1;
            DELETE FROM dead_letter_totals;
            """);
        await using (
            var writer = await connection.BeginBinaryImportAsync("COPY conditions (time, device) FROM STDIN (FORMAT BINARY)", Token))
        {
            await writer.StartRowAsync(Token);
            await writer.WriteAsync(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), Token);
            await writer.WriteAsync("e", Token);
            await writer.CompleteAsync(Token);
        }

        Assert.Equal(0, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"));
        foreach (var forbidden in (string[])["UPDATE conditions SET temperature = 0", "DELETE FROM conditions", "DELETE FROM checkpoints",
            "CREATE TABLE t (a int)", "DROP TABLE conditions"])
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteAsync(forbidden));
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        }
    }

    [Fact]
    public async Task On_a_hypertable_too_the_writer_needs_to_own_nothing()
    {
        await using var database = await timescale.CreateAsync(Token);
        await using var connection = await OpenAsync(database.ConnectionString);
        await using var transaction = await connection.BeginTransactionAsync(Token);

        await connection.ExecuteAsync("SET LOCAL ROLE ingest_writer");
        await connection.ExecuteAsync(
            "INSERT INTO conditions (time, device) VALUES (now(), 'd'), (now() - INTERVAL '100 days', 'd') ON CONFLICT (time, device) "
                + "DO NOTHING");

        Assert.Equal(2, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM conditions"));
        await transaction.RollbackAsync(Token);
    }

    [Fact]
    public async Task Without_the_right_to_make_roles_it_says_what_an_administrator_has_to_run()
    {
        // A server of its own: roles are the whole server's.
        await using var server = await NativePostgres.StartAsync(cancellationToken: Token);
        var database = await server.CreateDatabaseAsync(Token);
        var login = await server.CreateLoginAsync(database, cancellationToken: Token);
        await using var administrator = await OpenAsync(database);

        var refused = await Assert.ThrowsAsync<DatabaseSetupException>(
            () => DatabaseMigrator.MigrateAsync(login, new MigrationSettings(), Token));
        Assert.Contains("GRANT CREATE ON SCHEMA public TO", refused.Message, StringComparison.Ordinal);

        await administrator.ExecuteAsync($"GRANT CREATE ON SCHEMA public TO {new NpgsqlConnectionStringBuilder(login).Username}");
        var report = await DatabaseMigrator.MigrateAsync(login, new MigrationSettings(), Token);
        Assert.Contains(report.LeftOut, left => left.ToDo?.Contains("CREATE ROLE ingest_writer", StringComparison.Ordinal) == true);

        await administrator.ExecuteAsync("CREATE ROLE ingest_writer NOLOGIN");
        var again = await DatabaseMigrator.MigrateAsync(login, new MigrationSettings(), Token);
        Assert.DoesNotContain(again.LeftOut, left => left.What.Contains("ingest_writer", StringComparison.Ordinal));
        Assert.True(await administrator.ExecuteScalarAsync<bool>("SELECT has_table_privilege('ingest_writer', 'conditions', 'INSERT')"));
    }

    [Fact]
    public async Task What_cannot_be_reached_is_named_with_what_to_check()
    {
        var server = await postgres.ServerAsync();
        var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString);

        settings.Database = "nowhere";
        var noDatabase = await Assert.ThrowsAsync<DatabaseSetupException>(
            () => DatabaseMigrator.MigrateAsync(settings.ConnectionString, new MigrationSettings(), Token));
        Assert.Contains("CREATE DATABASE \"nowhere\"", noDatabase.Message, StringComparison.Ordinal);

        settings.Database = "postgres";
        settings.Password = "wrong";
        var noLogin = await Assert.ThrowsAsync<DatabaseSetupException>(
            () => DatabaseMigrator.MigrateAsync(settings.ConnectionString, new MigrationSettings(), Token));
        Assert.Contains("refuses the login of postgres", noLogin.Message, StringComparison.Ordinal);

        settings.Port = 1;
        var noServer = await Assert.ThrowsAsync<DatabaseSetupException>(
            () => DatabaseMigrator.MigrateAsync(settings.ConnectionString, new MigrationSettings(), Token));
        Assert.Contains("127.0.0.1:1 cannot be reached", noServer.Message, StringComparison.Ordinal);
    }

    private static Task<int> PartitionsAsync(NpgsqlConnection connection) =>
        connection.ExecuteScalarAsync<int>("SELECT count(*) FROM pg_inherits WHERE inhparent = 'conditions'::regclass");

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Token);
        return connection;
    }
}
