using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Database;
using Ingest.Database.Migrations;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Write;

public sealed class SchemaCheckTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static readonly TargetTable Conditions = new(null, "conditions", WriteStage.Conditions);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task The_migrated_table_has_no_problem(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        var report = await SchemaCheck.RunAsync(database.Source, Conditions, new DatabaseSettings { Copy = database.Copy }, Stop);

        Assert.Empty(report.Problems);
        Assert.Equal(server == Server.Timescale, report.IsHypertable);
        Assert.Equal(server == Server.Timescale, report.TimescaleVersion is not null);
    }

    [Fact]
    public async Task The_embedded_server_is_never_to_be_sent_a_COPY()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Timescale, postgres, timescale, Stop);
        var report = await SchemaCheck.RunAsync(database.Source, Conditions, new DatabaseSettings(), Stop);

        Assert.Equal(!database.Copy, report.Problems.Any(problem => problem.ToDo.Contains("Database:Copy", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("DROP TABLE conditions", "no table conditions")]
    [InlineData("DROP TABLE checkpoints", "no table checkpoints")]
    [InlineData("DROP INDEX conditions_time_device_idx", "no valid unique index")]
    [InlineData(
        "DROP INDEX conditions_time_device_idx; CREATE UNIQUE INDEX ON conditions (time, device, humidity)", "no valid unique index")]
    [InlineData(
        "DROP INDEX conditions_time_device_idx; CREATE UNIQUE INDEX ON conditions (time, device) WHERE humidity > 0",
        "no valid unique index")]
    [InlineData("ALTER TABLE conditions DROP COLUMN humidity", "no column humidity")]
    [InlineData("ALTER TABLE conditions ALTER COLUMN humidity TYPE numeric", "is numeric")]
    [InlineData("ALTER TABLE conditions ALTER COLUMN device TYPE varchar(20)", "character varying(20)")]
    [InlineData(
        "ALTER TABLE conditions ADD COLUMN site text NOT NULL DEFAULT ''; ALTER TABLE conditions ALTER COLUMN site DROP DEFAULT",
        "site of conditions is NOT NULL")]
    [InlineData(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER touch BEFORE INSERT ON "
            + "conditions FOR EACH ROW EXECUTE FUNCTION f()",
        "Trigger touch")]
    [InlineData("CREATE RULE swallow AS ON INSERT TO conditions DO INSTEAD NOTHING", "rule on INSERT")]
    [InlineData("REVOKE INSERT ON conditions FROM ingest_writer", "may not INSERT on conditions")]
    [InlineData("REVOKE UPDATE ON checkpoints FROM ingest_writer", "may not UPDATE on checkpoints")]
    [InlineData("ALTER TABLE conditions ENABLE ROW LEVEL SECURITY", "Row security")]
    [InlineData("ALTER TABLE conditions RENAME TO c; CREATE VIEW conditions AS SELECT * FROM c", "is no table")]
    public async Task What_does_not_fit_is_named_with_what_to_do(string change, string says)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        var login = database.NewSource(
            await (await postgres.ServerAsync()).CreateLoginAsync(database.ConnectionString, "ingest_writer", Stop));
        Assert.Empty((await SchemaCheck.RunAsync(login, Conditions, new DatabaseSettings(), Stop)).Problems);

        await database.ExecuteAsync(change, Stop);
        var problems = (await SchemaCheck.RunAsync(login, Conditions, new DatabaseSettings(), Stop)).Problems;

        Assert.Contains(problems, problem => problem.What.Contains(says, StringComparison.Ordinal));
        Assert.All(problems, problem => Assert.NotEmpty(problem.ToDo));
    }

    [Theory]
    [InlineData(
        "CREATE TRIGGER tell AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION f()",
        "Trigger tell on conditions runs after each new row: a reading it raises for is dead-lettered")]
    [InlineData(
        "CREATE TRIGGER tell AFTER INSERT OR UPDATE ON conditions FOR EACH STATEMENT EXECUTE FUNCTION f()",
        "Trigger tell on conditions runs at each statement")]
    [InlineData(
        "CREATE POLICY own_rows ON conditions USING (device = current_user); ALTER TABLE conditions ENABLE ROW LEVEL SECURITY",
        "row-level policies (own_rows), which do not bind")]
    [InlineData(
        "CREATE TABLE devices (id text PRIMARY KEY); ALTER TABLE conditions ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices",
        "Foreign key known lets conditions hold only what devices has")]
    [InlineData(
        "CREATE TABLE devices (id text PRIMARY KEY); "
            + "ALTER TABLE conditions ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices ON DELETE CASCADE",
        "takes its readings with it")]
    [InlineData(
        "CREATE TABLE notes (time timestamptz, device text, "
            + "CONSTRAINT about FOREIGN KEY (time, device) REFERENCES conditions (time, device))",
        "notes references conditions (foreign key about)")]
    public async Task What_may_act_on_readings_is_a_warning_that_says_what_it_can_do(string change, string says)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", Stop);
        Assert.Empty((await SchemaCheck.RunAsync(database.Source, Conditions, new DatabaseSettings(), Stop)).Warnings);

        await database.ExecuteAsync(change, Stop);
        var report = await SchemaCheck.RunAsync(database.Source, Conditions, new DatabaseSettings(), Stop);

        Assert.Empty(report.Problems);
        Assert.Contains(says, Assert.Single(report.Warnings).What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "CREATE TRIGGER tell AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION f()",
        "Trigger tell on conditions runs after")]
    [InlineData(
        "CREATE TABLE devices (id text PRIMARY KEY); ALTER TABLE conditions ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices",
        "Foreign key known lets conditions hold only what devices has")]
    public async Task Of_a_hypertable_it_is_the_operators_own_that_it_warns_of_and_nothing_of_the_extensions(string change, string says)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Timescale, postgres, timescale, Stop);
        var settings = new DatabaseSettings { Copy = database.Copy };
        await database.ExecuteAsync("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", Stop);
        Assert.Empty((await SchemaCheck.RunAsync(database.Source, Conditions, settings, Stop)).Warnings);

        await database.ExecuteAsync(change, Stop);

        var warning = Assert.Single((await SchemaCheck.RunAsync(database.Source, Conditions, settings, Stop)).Warnings);
        Assert.Contains(says, warning.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_encoding_that_cannot_hold_every_text_is_refused_by_check_and_migration()
    {
        var server = await postgres.ServerAsync();
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await using (
            var create = source.CreateCommand("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"))
        {
            await create.ExecuteNonQueryAsync(Stop);
        }

        var connectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = "bytes" }.ConnectionString;
        await using var bytes = NpgsqlDataSource.Create(connectionString);
        var problems = (await SchemaCheck.RunAsync(bytes, Conditions, new DatabaseSettings(), Stop)).Problems;
        var refused = await Assert.ThrowsAsync<DatabaseSetupException>(
            () => DatabaseMigrator.MigrateAsync(connectionString, new MigrationSettings { PlainPostgres = true }, Stop));

        Assert.Contains(
            problems,
            problem => problem.What.Contains("SQL_ASCII", StringComparison.Ordinal) && problem.ToDo.Contains(
                "ENCODING 'UTF8'", StringComparison.Ordinal));
        Assert.Contains("SQL_ASCII", refused.Message, StringComparison.Ordinal);
        Assert.Contains("ENCODING 'UTF8'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_problems_are_reported_at_once()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync("DROP TABLE partition_owners; DROP INDEX conditions_time_device_idx", Stop);
        var mapped = new TargetTable(
            null,
            "conditions",
            [new ColumnDefinition("pressure", ColumnType.Double, false), new ColumnDefinition("humidity", ColumnType.Real, false)]);

        Assert.Equal(4, (await SchemaCheck.RunAsync(database.Source, mapped, new DatabaseSettings(), Stop)).Problems.Count);
    }

    [Fact]
    public async Task A_column_of_every_type_fits_what_is_mapped_to_it()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        ColumnDefinition[] columns =
            [.. Enum.GetValues<ColumnType>().Select(type => new ColumnDefinition($"of_{type}", type, Required: false))];
        var list = string.Concat(columns.Select(column => $", \"{column.Name}\" {SqlTypes.Of(column.Type).Name}"));
        await database.ExecuteAsync(
            $"CREATE TABLE typed (time timestamptz NOT NULL, device text NOT NULL{list}); CREATE UNIQUE INDEX ON typed (time, device)",
            Stop);

        Assert.Empty(
            (await SchemaCheck.RunAsync(database.Source, new TargetTable(null, "typed", columns), new DatabaseSettings(), Stop)).Problems);
    }
}
