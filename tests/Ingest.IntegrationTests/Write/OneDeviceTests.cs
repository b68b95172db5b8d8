using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>
/// What one device sends is never taken for the operator's mistake, which stops everybody; and a fleet of one device still learns of its
/// operator's.
/// </summary>
public sealed class OneDeviceTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const string Cold = "ALTER TABLE conditions ADD CONSTRAINT cold CHECK (temperature < 100)";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string> Obstacles =>
    [
        Cold,
        Refusing("NEW.temperature > 100", "RAISE EXCEPTION ''too hot''"),
        Refusing("NEW.device = ''hot''", "RAISE EXCEPTION ''not you''"),
        Refusing("NEW.device = ''hot''", "EXECUTE ''INSERT INTO nowhere VALUES (1)''"),
    ];

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task However_many_rows_of_one_device_are_refused_alone_the_others_go_on(string obstacle)
    {
        await using var database = await ADatabaseAsync(obstacle);
        await using var stage = new WriteStage(database.Source);
        await stage.ProcessAsync(Rows("a", 0, 5), null, Stop);

        await AreDeadLetteredAsync(stage, Hot(1_000, 250));
        await AreDeadLetteredAsync(stage, Hot(2_000, 50));

        Assert.Equal(new ReadingCounts(Received: 5, Stored: 5), await Within(stage.ProcessAsync(Rows("a", 3_000, 5), null, Stop)));
        Assert.Equal(300, await database.RowsAsync("dead_letters WHERE reason = 'refused_by_database' AND device = 'hot'", Stop));
    }

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task Nor_do_they_stop_anybody_where_they_are_the_first_that_an_empty_table_is_given(string obstacle)
    {
        await using var database = await ADatabaseAsync(obstacle);
        await using var stage = new WriteStage(database.Source);

        await AreDeadLetteredAsync(stage, Hot(0, 250));

        Assert.Equal(new ReadingCounts(Received: 5, Stored: 5), await Within(stage.ProcessAsync(Rows("a", 3_000, 5), null, Stop)));
    }

    [Fact]
    public async Task What_it_had_stored_before_does_not_let_it_stop_the_others_either()
    {
        await using var database = await ADatabaseAsync("SELECT 1");
        await using var stage = new WriteStage(database.Source);
        await stage.ProcessAsync(Rows("hot", 0, 5), null, Stop);
        await database.ExecuteAsync(
            Refusing("(SELECT count(*) FROM conditions WHERE device = NEW.device) > 5", "RAISE EXCEPTION ''enough''"), Stop);

        await AreDeadLetteredAsync(stage, Rows("hot", 100, 250));

        Assert.Equal(new ReadingCounts(Received: 5, Stored: 5), await Within(stage.ProcessAsync(Rows("a", 3_000, 5), null, Stop)));
    }

    public static TheoryData<string, string, string> Mistakes => new()
    {
        {
            "ALTER TABLE conditions ADD CONSTRAINT warm CHECK (temperature > 100) NOT VALID",
            "ALTER TABLE conditions DROP CONSTRAINT warm",
            "23514"
        },
        { "ALTER TABLE conditions ADD COLUMN site text NOT NULL DEFAULT ''; ALTER TABLE conditions ALTER COLUMN site DROP "
            + "DEFAULT", "ALTER TABLE conditions DROP COLUMN site", "site" },
        { Refusing("true", "PERFORM nothing_of_that_name()"), "DROP TRIGGER refuse ON conditions", "42883" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task The_only_device_learns_of_its_operators_mistake(string mistake, string remedy, string says)
    {
        await using var database = await ADatabaseAsync("SELECT 1");
        await using var stage = new WriteStage(database.Source);
        await stage.ProcessAsync(Rows("a", 0, 5), null, Stop);

        await database.ExecuteAsync(mistake, Stop);
        await IsAMistakeAsync(database, stage, Rows("a", 100, 250), remedy, says);
    }

    [Fact]
    public async Task The_only_device_learns_that_there_is_no_partition_for_today()
    {
        await using var database = await ADatabaseAsync(
            $"""
            CREATE TABLE parts (time timestamptz NOT NULL, device text NOT NULL, temperature double precision,
                humidity double precision) PARTITION BY RANGE (time);
            CREATE TABLE parts_first PARTITION OF parts FOR VALUES FROM ('{WriteStage.Start:O}') TO ('{WriteStage.Start.AddSeconds(1):O}');
            CREATE UNIQUE INDEX ON parts (time, device)
            """);
        await using var stage = new WriteStage(database.Source, table: "parts");
        await stage.ProcessAsync(Rows("a", 0, 5), null, Stop);

        await IsAMistakeAsync(database, stage, Rows("a", 1_000, 250), "CREATE TABLE parts_rest PARTITION OF parts DEFAULT", "partition");
    }

    [Fact]
    public async Task Where_nobody_can_tell_one_device_is_waited_for_and_then_the_others_go_on()
    {
        await using var database = await ADatabaseAsync(
            Refusing("NEW.temperature IS NULL OR NEW.temperature > 100", "RAISE EXCEPTION ''no temperature''"));
        var clock = new FakeTimeProvider(WriteStage.Start);
        await using var stage = new WriteStage(database.Source, clock: clock);

        var waiting = stage.ProcessAsync(Hot(0, 250), null, Stop);
        await Eventually.IsTrueAsync(
            () => Passes(TimeSpan.FromMilliseconds(100)) && stage.Health.Read().State == PipelineState.OperatorMistake);
        Assert.Contains("no temperature", stage.Health.Read().Error!, StringComparison.Ordinal);
        Assert.Equal(0, await database.RowsAsync("dead_letters", Stop));
        await Eventually.IsTrueAsync(() => Passes(TimeSpan.FromSeconds(30)) && waiting.IsCompleted);

        Assert.Equal(new ReadingCounts(Received: 250, DeadLettered: 250), await waiting);
        var again = stage.ProcessAsync(Hot(1_000, 5), null, Stop);
        await Eventually.IsTrueAsync(() => Passes(TimeSpan.FromMilliseconds(100)) && again.IsCompleted);
        Assert.Equal(new ReadingCounts(Received: 5, DeadLettered: 5), await again);

        bool Passes(TimeSpan time)
        {
            clock.Advance(time);
            return true;
        }
    }

    private static async Task IsAMistakeAsync(TestDatabase database, WriteStage stage, Reading[] rows, string remedy, string says)
    {
        var waiting = stage.ProcessAsync(rows, null, Stop);
        await Eventually.IsTrueAsync(() => stage.Health.Read().State == PipelineState.OperatorMistake || waiting.IsCompleted);
        Assert.Equal(PipelineState.OperatorMistake, stage.Health.Read().State);
        Assert.Contains(says, stage.Health.Read().Error!, StringComparison.Ordinal);

        await database.ExecuteAsync(remedy, Stop);
        Assert.Equal(new ReadingCounts(Received: rows.Length, Stored: rows.Length), await Within(waiting));
        Assert.Equal(0, await database.RowsAsync("dead_letters", Stop));
    }

    private static async Task AreDeadLetteredAsync(WriteStage stage, Reading[] rows) =>
        Assert.Equal(new ReadingCounts(Received: rows.Length, DeadLettered: rows.Length),
            await Within(stage.ProcessAsync(rows, null, Stop)));

    private static string Refusing(string condition, string statement) =>
        $"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF {condition} THEN {statement}; END IF; RETURN NULL; END';
        CREATE TRIGGER refuse AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION refuse()
        """;

    private async Task<TestDatabase> ADatabaseAsync(string obstacle)
    {
        var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(obstacle, Stop);
        return database;
    }

    private static async Task<ReadingCounts> Within(Task<ReadingCounts> work) =>
        await work.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Stop);

    private static Reading[] Hot(int start, int count) =>
        [.. Rows("hot", start, count).Select(row => row with { Values = [1_000.0, 1.0] })];

    private static Reading[] Rows(string device, int start, int count) =>
        [.. Enumerable.Range(start, count).Select(number => new Reading(number, device, 20.0, 1.0 * number))];
}
