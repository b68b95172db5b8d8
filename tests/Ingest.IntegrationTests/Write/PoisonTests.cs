using System.IO.Compression;
using System.Text;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>What one device sends, or one row that is stored already, stops nobody else.</summary>
public sealed class PoisonTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const string Table =
        "CREATE TABLE readings (time timestamptz NOT NULL, device text NOT NULL, data jsonb, payload jsonb); CREATE UNIQUE INDEX ON "
            + "readings (time, device)";

    private static readonly string Expanding = $$"""{"data":[{{string.Join(',', Enumerable.Repeat("1e131071", 9_000))}}]}""";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task A_message_that_the_server_would_store_and_could_not_write_out_again_is_dead_lettered_with_its_size(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await database.ExecuteAsync(Table, Stop);
        await using var pipeline = Pipeline(database);
        RawEvent[] events = [Message(0, """{"data":[1]}"""), Message(1, Gzip(Expanding)), Message(2, """{"data":[2]}""")];
        Assert.InRange(events[1].Body.Length, 1, 250);

        Assert.Equal(new ReadingCounts(Received: 3, Stored: 2, DeadLettered: 1), (await pipeline.ProcessAsync(events, null, Stop)).Counts);
        Assert.Equal(new ReadingCounts(Received: 3, Duplicate: 3), (await pipeline.ProcessAsync(events, null, Stop)).Counts);
        Assert.Equal("out_of_range", await database.ScalarAsync<string>("SELECT reason FROM dead_letters", Stop));
        var detail = await database.ScalarAsync<string>("SELECT detail FROM dead_letters", Stop);
        Assert.Contains("\"data\"", detail, StringComparison.Ordinal);
        Assert.Contains("1179666000 bytes", detail, StringComparison.Ordinal);
        Assert.Contains("16777216", detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task A_stored_value_that_cannot_be_written_out_is_compared_all_the_same(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await database.ExecuteAsync(Table, Stop);
        await database.ExecuteAsync(
            $"INSERT INTO readings VALUES ('{WriteStage.Start:O}', 'a', '[{string.Join(',', Enumerable.Repeat("1e131071", 9_000))}]', "
                + "NULL)",
            Stop);
        await using var pipeline = Pipeline(database);
        RawEvent[] events =
        [
            Message(0, """{"data":[1e131071],"a":1.0}"""), Message(
                0, """{"a":1,"data":[10e131070]}"""), Message(0, """{"data":null}"""), Message(0, "{}"),
            .. Enumerable.Range(1, 300).Select(stamp => Message(stamp, $$"""{"data":{{stamp}}}""")),
        ];

        Assert.Equal(
            new ReadingCounts(Received: 304, Stored: 303, Duplicate: 1, Collisions: 3),
            (await pipeline.ProcessAsync(events, null, Stop)).Counts);
        Assert.Equal(
            new ReadingCounts(Received: 304, Duplicate: 304), (await pipeline.ProcessAsync([.. events.Reverse()], null, Stop)).Counts);
        Assert.Equal(304, await database.RowsAsync("readings", Stop));
    }

    public static TheoryData<string, bool> Obstacles => new()
    {
        // P0001: a trigger of the operator's.
        {
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.temperature > 100 THEN RAISE EXCEPTION ''too hot''; END IF; RETURN NULL; END';
            CREATE TRIGGER refuse AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION refuse()
            """,
            true
        },
        // P0004: an assertion.
        {
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ASSERT NEW.temperature <= 100; RETURN NULL; END';
            CREATE TRIGGER refuse AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION refuse()
            """,
            true
        },
        // 42501: a row-level policy, which the server takes no COPY with.
        {
            """
            CREATE POLICY seen ON conditions FOR SELECT USING (true); CREATE POLICY cold ON conditions FOR INSERT WITH CHECK (
                temperature <= 100);
            ALTER TABLE conditions ENABLE ROW LEVEL SECURITY
            """,
            false
        },
        // 54000: too long to be written out, here by a trigger that does.
        {
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN IF NEW.temperature > 100 THEN RAISE EXCEPTION ''string buffer exceeds maximum allowed length'' USING ERRCODE = ''54000''; END IF; RETURN NULL; END';
            CREATE TRIGGER refuse AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION refuse()
            """,
            true
        },
        // 42P01: a table a device, which a trigger fills.
        {
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN IF NEW.temperature > 100 THEN EXECUTE ''INSERT INTO nowhere VALUES (1)''; END IF; RETURN NULL; END';
            CREATE TRIGGER refuse AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION refuse()
            """,
            true
        },
    };

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task Whatever_the_server_says_of_single_rows_they_alone_are_dead_lettered(string obstacle, bool copy)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(obstacle, Stop);
        var login = await (await postgres.ServerAsync()).CreateLoginAsync(database.ConnectionString, "ingest_writer", Stop);
        await using var stage = new WriteStage(database.NewSource(login), copy);

        var counts = await Within(
            stage.ProcessAsync([.. Rows(0, 300), new(1_000, "hot", 1_000.0, 1.0), .. Rows(2_000, 300)], null, Stop));
        Assert.Equal(new ReadingCounts(Received: 601, Stored: 600, DeadLettered: 1), counts);

        // Alone in its flush: what is stored already is its neighbour.
        Assert.Equal(
            new ReadingCounts(Received: 1, DeadLettered: 1),
                await Within(stage.ProcessAsync([new(1_001, "hot", 1_001.0, 1.0)], null, Stop)));
        Assert.Equal(2, await database.RowsAsync("dead_letters WHERE reason = 'refused_by_database' AND device = 'hot'", Stop));
        Assert.Equal(PipelineState.Working, stage.Health.Read().State);
    }

    [Fact]
    public async Task Where_no_row_passes_any_more_nothing_is_dead_lettered()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.Source);
        await stage.ProcessAsync(Rows(0, 5), null, Stop);
        await database.ExecuteAsync(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nothing_of_that_name(); RETURN NULL; END';
            CREATE TRIGGER refuse AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION refuse()
            """,
            Stop);

        var waiting = stage.ProcessAsync(Rows(5, 5), null, Stop);
        await Eventually.IsTrueAsync(() => stage.Health.Read().State == PipelineState.OperatorMistake);

        Assert.Contains("42883", stage.Health.Read().Error!, StringComparison.Ordinal);
        await database.ExecuteAsync("DROP TRIGGER refuse ON conditions", Stop);
        Assert.Equal(new ReadingCounts(Received: 5, Stored: 5), await Within(waiting));
        Assert.Equal(0, await database.RowsAsync("dead_letters", Stop));
    }

    private static async Task<ReadingCounts> Within(Task<ReadingCounts> work) =>
        await work.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Stop);

    private static Reading[] Rows(int start, int count) =>
        [.. Enumerable.Range(start, count).Select(number => new Reading(number, "a", 20.0, 1.0 * number))];

    private static IngestPipeline Pipeline(TestDatabase database)
    {
        var telemetry = new TelemetrySettings { Table = "readings", PayloadColumn = "payload" };
        telemetry.Columns.Add(new ColumnSettings { Name = "data", Type = ColumnType.Jsonb });
        return new IngestPipeline(database.Source, new IngestSettings { Telemetry = telemetry, Database = { Copy = database.Copy } });
    }

    private static RawEvent Message(int stamp, string body) => Message(stamp, Encoding.UTF8.GetBytes(body), null);

    private static RawEvent Message(int stamp, byte[] body, string? encoding = "gzip") => new()
    {
        Hub = "test/hub",
        Partition = "0",
        RowTime = WriteStage.Start.AddMilliseconds(stamp),
        DeviceId = "a",
        ContentEncoding = encoding,
        Body = body,
    };

    private static byte[] Gzip(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return compressed.ToArray();
    }
}
