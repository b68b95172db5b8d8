using Ingest.Columns;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>Tables that were there before Ingest: their names, types, keys and other columns.</summary>
public sealed class GrownTableTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const string Device = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";

    private static readonly KeyColumns Capitals = new("Enqueued At", "Gerät");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native, "text", DeviceType.Text, "UNIQUE (\"Enqueued At\", \"Gerät\")")]
    [InlineData(Server.Native, "varchar(128)", DeviceType.Text, "PRIMARY KEY (\"Gerät\", \"Enqueued At\")")]
    [InlineData(Server.Native, "uuid", DeviceType.Uuid, "PRIMARY KEY (\"Enqueued At\", \"Gerät\")")]
    [InlineData(Server.Timescale, "varchar(200)", DeviceType.Text, "PRIMARY KEY (\"Gerät\", \"Enqueued At\")")]
    [InlineData(Server.Timescale, "uuid", DeviceType.Uuid, "UNIQUE (\"Gerät\", \"Enqueued At\")")]
    public async Task Key_columns_of_any_name_type_and_order_are_written_and_compared_and_other_columns_are_left_alone(
        Server server, string type, DeviceType deviceType, string constraint)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await database.ExecuteAsync(
            $"""
            CREATE TABLE "Readings" (
                number bigint GENERATED ALWAYS AS IDENTITY, "Enqueued At" timestamptz NOT NULL, "Gerät" {type} NOT NULL,
                temperature double precision, humidity double precision, site text NOT NULL DEFAULT 'here',
                hot boolean GENERATED ALWAYS AS (temperature > 30) STORED, {constraint})
            """,
            Stop);
        if (server == Server.Timescale)
        {
            await database.ExecuteAsync("SELECT create_hypertable('\"Readings\"', 'Enqueued At')", Stop);
        }

        var key = Capitals with { DeviceType = deviceType };
        var table = new TargetTable(null, "Readings", WriteStage.Conditions, key);
        Assert.Empty((await SchemaCheck.RunAsync(database.Source, table, new DatabaseSettings { Copy = database.Copy }, Stop)).Problems);
        await using var stage = new WriteStage(database.Source, database.Copy, "Readings", key: key);

        // Few by upsert, many by COPY, then all of them compared.
        Reading[] few = [new(1, Device, 1.0, null), new(1, Device, 2.0, null)];
        var many = Enumerable.Range(10, 300).Select(stamp => new Reading(stamp, Device, (double)stamp, 0.5)).ToArray();
        Assert.Equal(2, (await stage.ProcessAsync(few, null, Stop)).Stored);
        Assert.Equal(300, (await stage.ProcessAsync(many, null, Stop)).Stored);
        Assert.Equal(
            new ReadingCounts(Received: 303, Stored: 1, Duplicate: 302, Collisions: 1),
            await stage.ProcessAsync([.. few, .. many, new(1, Device, 3.0, null)], null, Stop));

        Assert.Equal(
            303,
            await database.ScalarAsync<long>(
                $"SELECT count(*) FROM \"Readings\" WHERE \"Gerät\"::text = '{Device}' AND site = 'here' AND hot = (temperature > 30)",
                    Stop));
        var store = new StoreReader(database.Source, table);
        Assert.Equal(303, (await store.CountRowsByDeviceAsync([Device], Stop))[Device]);
        Assert.Equal(301, (await store.StampsAsync(Device, WriteStage.Start, Stop)).Count);
    }

    [Theory]
    [InlineData("time", "timestamp", "text", "a")]
    [InlineData("device", "timestamptz", "uuid", Device)]
    [InlineData("device", "timestamptz", "integer", "7")]
    [InlineData("device", "timestamptz", "varchar(20)", "a")]
    public async Task Advice_about_a_key_column_can_be_followed(string column, string timeType, string deviceType, string device)
    {
        foreach (var server in (Server[])[Server.Native, Server.Timescale])
        {
            await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
            await database.ExecuteAsync(
                $"""
                CREATE TABLE old (time {timeType} NOT NULL, device {deviceType} NOT NULL,
                    temperature double precision, humidity double precision);
                CREATE UNIQUE INDEX ON old (time, device);
                """,
                Stop);
            if (server == Server.Timescale)
            {
                await database.ExecuteAsync("SELECT create_hypertable('old', 'time', create_default_indexes => false)", Stop);
            }

            await database.ExecuteAsync($"INSERT INTO old VALUES ('2026-01-01', '{device}')", Stop);
            var problem = Assert.Single(await ProblemsAsync(database));
            Assert.StartsWith($"Column {column} of old is ", problem.What, StringComparison.Ordinal);
            var alter = problem.ToDo[problem.ToDo.IndexOf("ALTER TABLE", StringComparison.Ordinal)..];
            await database.ExecuteAsync(
                alter[..(alter.IndexOf(". ", StringComparison.Ordinal) is >= 0 and var end ? end : alter.Length - 1)], Stop);

            Assert.Empty(await ProblemsAsync(database));
            await using var stage = new WriteStage(database.Source, database.Copy, "old");
            Assert.Equal(1, (await stage.ProcessAsync([new(1, new string('d', 128), 1.0, null)], null, Stop)).Stored);
        }
    }

    [Theory]
    [InlineData("CREATE TABLE \"Old\" (time timestamptz)", "There is public.Old: names are compared exactly")]
    [InlineData("CREATE SCHEMA iot; CREATE TABLE iot.old (time timestamptz)", "There is iot.old:")]
    [InlineData("CREATE TABLE old (\"Time\" timestamptz, device text)", "It has Time: names are compared exactly")]
    [InlineData("CREATE TABLE old (time timestamptz, device text)", "ALTER TABLE \"old\" ADD COLUMN \"temperature\" double precision")]
    [InlineData(
        "CREATE TABLE old (time timestamp NOT NULL, device text) PARTITION BY RANGE (time)", "A partition key cannot change its type")]
    public async Task What_is_missing_is_named_by_what_is_nearly_it(string create, string toDo)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(create, Stop);

        Assert.Contains(await ProblemsAsync(database), problem => problem.ToDo.Contains(toDo, StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyList<SchemaProblem>> ProblemsAsync(TestDatabase database) =>
        (await SchemaCheck.RunAsync(
            database.Source, new TargetTable(null, "old", WriteStage.Conditions), new DatabaseSettings { Copy = database.Copy },
                Stop)).Problems;
}
