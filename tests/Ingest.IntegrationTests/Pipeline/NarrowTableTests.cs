using CsCheck;
using Ingest.Columns;
using Ingest.Events;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.IntegrationTests.Write;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>A table with a row for each value: time, device, metric, value.</summary>
public sealed class NarrowTableTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const string Table = """
        CREATE TABLE points (time timestamptz NOT NULL, device text NOT NULL, metric text NOT NULL, value double precision NOT NULL,
            PRIMARY KEY (device, metric, time));
        GRANT SELECT, INSERT ON points TO ingest_writer;
        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_mapped_place_is_a_metric_and_null_is_no_row()
    {
        var telemetry = Narrow(
            new ColumnSettings { Name = "temperature" },
            new ColumnSettings { Name = "pressure", From = "sensors[0].value" },
            new ColumnSettings { Name = "battery", From = "property:battery" });
        await using var stage = await TableStage.StartAsync(postgres, telemetry, Table);
        var first = Message("""[{"temperature":1,"sensors":[{"value":2}]},{"temperature":null,"sensors":[{"value":3}]},{"humidity":4}]""");
        first.Properties["battery"] = 5.5;

        await stage.SendAsync(first, Message("""{"temperature":null}"""), Message("""{"temperature":"warm","sensors":[{"value":6}]}"""));

        var counts = (await stage.ReceivedAsync(7)).Single(checkpoint => checkpoint.Position is not null).Counts;
        Assert.Equal(
            ["battery 5.5", "battery 5.5", "battery 5.5", "pressure 2", "pressure 3", "temperature 1"],
            await RowsAsync(stage));
        Assert.Equal(new ReadingCounts(Received: 8, Stored: 6, DeadLettered: 2, Collisions: 3), counts);
        Assert.Equal(
            [
                "Whatever is mapped (\"temperature\", \"sensors[0].value\", \"property:battery\") is null in the reading.",
                "temperature is \"warm\", where a number (double precision) is expected.",
            ],
            (await stage.QueryAsync("SELECT detail FROM dead_letters ORDER BY detail COLLATE \"C\"")).Select(row => row[0]));
    }

    [Theory]
    [InlineData("""{"temperature":21.5,"wet":true,"name":"x","none":null}""", "temperature 21.5")]
    [InlineData("""{"a":{"b":[1,{"c":2}],"d.e":3},"":4,"['":5}""", "[''] 4", "['[\\''] 5", "a.b[0] 1", "a.b[1].c 2", "a['d.e'] 3")]
    [InlineData("""{"a":1,"a":2}""", "a 2")]
    [InlineData("""{"a":{"b":1,"c":2},"a":{"b":3}}""", "a.b 3")]
    [InlineData("""{"a":{"b":1},"a":"x","d":4}""", "d 4")]
    [InlineData("""[{"a":1},{"a":1},{"a":2}]""", "a 1", "a 1", "a 2")]
    [InlineData("""{"a":1e-400,"b":1e3}""", "a 0", "b 1000")]
    public async Task Without_columns_every_number_is_a_metric_called_by_its_place(string body, params string[] rows)
    {
        await using var stage = await TableStage.StartAsync(postgres, Narrow(), Table);

        await stage.SendAsync(Message(body));
        await stage.SendAsync(Message(body));

        var counts = (await stage.ReceivedAsync(2 * rows.Length)).Single(checkpoint => checkpoint.Position is not null).Counts;
        Assert.Equal(rows, await RowsAsync(stage));
        Assert.Equal((rows.Length, rows.Length), (counts.Stored, counts.Duplicate));
    }

    [Fact]
    public async Task The_devices_own_time_is_the_rows_and_no_metric()
    {
        var telemetry = Narrow();
        telemetry.TimeSource = "body:ts";
        telemetry.TimeFormat = TimeFormat.EpochMilliseconds;
        await using var stage = await TableStage.StartAsync(postgres, telemetry, Table);

        await stage.SendAsync(Message("""[{"ts":1767225600000,"a":1},{"ts":1767225600001,"a":1}]"""));

        await stage.ReceivedAsync(2);
        Assert.Equal(["a 1", "a 1"], await RowsAsync(stage));
        Assert.Equal(
            [new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), new DateTime(2026, 1, 1, 0, 0, 0, 1, DateTimeKind.Utc)],
            (await stage.QueryAsync("SELECT time FROM points ORDER BY time")).Select(row => (DateTime)row[0]!));
    }

    [Theory]
    [InlineData("""{"a":true}""", "nothing_mapped", "The reading holds no number.")]
    [InlineData("""{"a":{"b":1e400}}""", "out_of_range", "a.b is 1e400, which is beyond what double precision holds.")]
    [InlineData("""{"\ud800":1}""", "invalid_text", "A number stands below a name that no metric can have")]
    [InlineData("""{"\u0000":1}""", "invalid_text", "A number stands below a name that no metric can have")]
    public async Task A_reading_of_which_no_row_can_be_made_is_dead_lettered(string body, string reason, string detail)
    {
        await using var stage = await TableStage.StartAsync(postgres, Narrow(), Table);

        await stage.SendAsync(Message(body), Message("""{"good":1}"""));

        await stage.ReceivedAsync(2);
        var letter = Assert.Single(await stage.QueryAsync("SELECT reason, detail FROM dead_letters"));
        Assert.Equal(reason, letter[0]);
        Assert.StartsWith(detail, (string)letter[1]!, StringComparison.Ordinal);
        Assert.Equal(["good 1"], await RowsAsync(stage));
    }

    [Fact]
    public async Task A_message_holds_ten_thousand_values_and_those_past_them_are_dead_lettered_by_reading()
    {
        await using var stage = await TableStage.StartAsync(postgres, Narrow(), Table);
        var reading = $"{{{string.Join(',', Enumerable.Range(0, 3_000).Select(number => $"\"m{number}\":{number}"))}}}";

        await stage.SendAsync(Message($"[{reading},{reading},{reading},{reading}]"));

        var counts = (await stage.ReceivedAsync(9_001)).Single(checkpoint => checkpoint.Position is not null).Counts;
        Assert.Equal(new ReadingCounts(Received: 9_001, Stored: 9_000, DeadLettered: 1, Collisions: 6_000), counts);
        Assert.Equal(
            ["too_many_readings", 3],
            Assert.Single(await stage.QueryAsync("SELECT reason, element FROM dead_letters")));
    }

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task Whatever_is_delivered_in_whatever_order_each_value_is_stored_as_often_as_one_message_holds_it(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await database.ExecuteAsync(Table, Stop);
        if (server == Server.Timescale)
        {
            await database.ExecuteAsync("SELECT create_hypertable('points', 'time')", Stop);
        }

        var table = new TargetTable(null, "points", TelemetryColumns, new KeyColumns(Metric: "metric"));
        Assert.Empty((await SchemaCheck.RunAsync(database.Source, table, new DatabaseSettings { Copy = database.Copy }, Stop)).Problems);
        var messages = Gen.Select(
            Gen.Int[0, 2], Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2]).Array[1, 5], (stamp, values) => (Stamp: stamp, Values: values));
        var deliveries = messages.Array[1, 30].SelectMany(
            sent => Gen.Int[0, sent.Length - 1].Select(index => sent[index]).Array[0, 30].Array[1, 4].Select(
                again => (ICollection<(int Stamp, (int Metric, int Value)[] Values)>[])[sent, .. again]));
        await deliveries.SampleAsync(
            async batches =>
            {
                await database.ExecuteAsync("TRUNCATE points", Stop);
                await using var pipeline = new IngestPipeline(
                    database.Source, new IngestSettings { Telemetry = Narrow(), Database = new DatabaseSettings { Copy = database.Copy } });
                var results = await Task.WhenAll(batches.Select(
                    batch => pipeline.ProcessAsync([.. batch.Select(message => ToEvent(message.Stamp, message.Values))], null, Stop)));

                var expected = batches.SelectMany(batch => batch)
                    .SelectMany(message => message.Values.CountBy(value => (message.Stamp, value.Item1, value.Item2)))
                    .GroupBy(held => held.Key)
                    .Sum(held => (long)held.Max(message => message.Value));
                Assert.True(results.All(result => result.Counts.Balance));
                Assert.Equal(expected, results.Sum(result => result.Counts.Stored));
                Assert.Equal(expected, await database.RowsAsync("points", Stop));
            },
            iter: server == Server.Native ? 40 : 8,
            threads: 1);
    }

    [Fact]
    public async Task A_table_whose_index_lacks_the_metric_does_not_fit()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(
            """
            CREATE TABLE points (time timestamptz NOT NULL, device text NOT NULL, metric text NOT NULL, value double precision NOT NULL,
                PRIMARY KEY (device, time))
            """,
            Stop);
        var table = new TargetTable(null, "points", TelemetryColumns, new KeyColumns(Metric: "metric"));

        var problem = Assert.Single((await SchemaCheck.RunAsync(database.Source, table, new DatabaseSettings(), Stop)).Problems);

        Assert.StartsWith("CREATE UNIQUE INDEX ON \"points\" (\"time\", \"device\", \"metric\")", problem.ToDo, StringComparison.Ordinal);
    }

    private static IReadOnlyList<ColumnDefinition> TelemetryColumns =>
        [new("metric", ColumnType.Text, Required: true), new("value", ColumnType.Double, Required: true)];

    private static TelemetrySettings Narrow(params IReadOnlyList<ColumnSettings> columns)
    {
        var telemetry = new TelemetrySettings { Table = "points", Shape = TableShape.Narrow };
        foreach (var column in columns)
        {
            telemetry.Columns.Add(column);
        }

        return telemetry;
    }

    private static Azure.Messaging.EventHubs.EventData Message(string body) =>
        TestHub.Message(body, new() { ["iothub-connection-device-id"] = "d" });

    private static async Task<IEnumerable<string>> RowsAsync(TableStage stage) =>
        (await stage.QueryAsync("SELECT metric || ' ' || value FROM points ORDER BY metric COLLATE \"C\", value")).Select(row =>
            (string)row[0]!);

    private static RawEvent ToEvent(int stamp, (int Metric, int Value)[] values) => new()
    {
        Hub = "test/hub",
        Partition = "0",
        RowTime = WriteStage.Start.AddMilliseconds(stamp),
        DeviceId = "d",
        Body = System.Text.Encoding.UTF8.GetBytes(
            $"[{string.Join(',', values.Select(value => $$"""{"m{{value.Metric}}":{{value.Value}}}"""))}]"),
    };
}
