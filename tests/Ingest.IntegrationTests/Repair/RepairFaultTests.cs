using System.Globalization;
using Ingest.DeadLetters;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Repair;
using Ingest.Settings;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Ingest.TestSupport.Processes;
using Ingest.Write;
using Npgsql;
using Xunit;
using static Ingest.IntegrationTests.Repair.LetterStage;

namespace Ingest.IntegrationTests.Repair;

/// <summary>Dead letters that are mended while something goes wrong: each ends in one place, and the accounts stay whole.</summary>
public sealed class RepairFaultTests(PostgresFixture postgres)
{
    private const int Letters = 12_000;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_anywhere_a_retry_has_stored_what_it_has_resolved_and_the_next_goes_on()
    {
        await using var stage = await WithLettersAsync();
        stage.Convert();
        await SlowDownAsync(stage);
        for (var round = 0; round < 8; round++)
        {
            await KillAtWorkAsync(stage, round, "retry");
        }

        Assert.InRange(await ResolvedAsync(stage), 1, Letters - 1);
        await SpeedUpAsync(stage);
        await stage.JsonAsync(0, "retry");
        await AssertWholeAsync(stage);
        Assert.Equal(new DeadLetterAccounts(Letters, 0, Letters, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task Killed_anywhere_import_and_discard_leave_the_accounts_whole_and_go_on()
    {
        await using var stage = await WithLettersAsync();
        var file = Path.Combine(Directory.CreateTempSubdirectory("ingest-letters-").FullName, "letters.jsonl");
        var export = await stage.RunAsync("export", "--device", "device-1");
        Assert.True(export.ExitCode == 0, export.ToString());
        await File.WriteAllTextAsync(file, export.Output.Replace(".5\"}", ".5}", StringComparison.Ordinal).Replace(
            "\"temperature\":\"", "\"temperature\":", StringComparison.Ordinal), Cancelled);
        var ofDevice = export.Output.Count(character => character == '\n');
        await SlowDownAsync(stage);
        for (var round = 0; round < 3; round++)
        {
            await KillAtWorkAsync(stage, round, "import", file);
        }

        await SpeedUpAsync(stage);

        await stage.JsonAsync(0, "import", file);
        Assert.Equal(ofDevice, (await stage.AccountsAsync()).Stored);
        await SlowDownAsync(stage);
        for (var round = 0; round < 3; round++)
        {
            await KillAtWorkAsync(stage, round, "discard", "--all", "--because", "a trial");
        }

        await SpeedUpAsync(stage);
        await stage.JsonAsync(0, "discard", "--all", "--because", "a trial");
        Assert.Equal(
            new DeadLetterAccounts(Letters, 0, ofDevice, 0, Letters - ofDevice, 0, 0), await stage.AccountsAsync());
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Fact]
    public async Task Two_retries_and_a_discard_at_once_give_each_letter_one_place()
    {
        await using var stage = await WithLettersAsync();
        stage.Convert();

        var results = await Task.WhenAll(
            stage.RunAsync("retry"), stage.RunAsync("retry"), stage.RunAsync("discard", "--device", "device-1", "--because", "a race"));

        Assert.All(results, result => Assert.True(result.ExitCode == 0, result.ToString()));
        await AssertWholeAsync(stage);
        var accounts = await stage.AccountsAsync();
        Assert.Equal((Letters, 0L, 0L), (accounts.Stored + accounts.Discarded, accounts.Open, accounts.Duplicate));
    }

    [Fact]
    public async Task Connections_cut_at_any_statement_resolve_every_letter_once()
    {
        await using var stage = await CreateAsync(postgres);
        await using var proxy = TcpProxy.Start((await postgres.ServerAsync()).Port);
        await using var source = DatabaseConnections.Create(new DatabaseSettings
        {
            ConnectionString = new NpgsqlConnectionStringBuilder(stage.Environment["Database__ConnectionString"])
            {
                Port = proxy.Port,
            }.ConnectionString,
        });
        var settings = new IngestSettings { Telemetry = Converting(), Commit = { ExpectDuplicates = true } };
        await using var pipeline = new IngestPipeline(source, settings);
        var cuts = 0;
        foreach (var before in new[] { false, true })
        {
            foreach (var statement in new[] { "BEGIN", "FOR UPDATE", "INSERT INTO", "SET resolution", "pg_current_xact_id", "COMMIT\0" })
            {
                await stage.LiveAsync(Batch(cuts, 50));
                var retry = new DeadLetterRetry(source, settings.Telemetry);
                // A connection that works, so that the cut meets the statement and not the login.
                await retry.RunAsync(new DeadLetterFilter(Device: "nobody"), pipeline, Cancelled);
                proxy.CutAnswerTo(statement, before);
                await retry.RunAsync(new DeadLetterFilter(), pipeline, Cancelled);

                Assert.Equal(++cuts, proxy.Cuts);
                Assert.Equal((50, 50), (retry.Report.Stored, retry.Report.Rows));
                await AssertWholeAsync(stage);
            }
        }

        Assert.Equal(new DeadLetterAccounts(50 * cuts, 0, 50 * cuts, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task Readings_stored_since_under_another_mapping_are_not_doubled_by_a_retry()
    {
        await using var stage = await CreateAsync(postgres);
        var alone = Enumerable.Range(0, 150).Select(number => Message($$"""{"temperature":"{{number}}","humidity":999}""", at: number)).ToArray();
        await stage.LiveAsync(alone);
        var swapped = Converting();
        swapped.Columns[0].From = "humidity";
        swapped.Columns[1].From = "temperature";
        await stage.LiveAsync(new IngestSettings { Telemetry = swapped }, alone);
        Assert.Equal(150, (await stage.RowsAsync()).Count);

        var refused = await stage.Convert().RunAsync("retry");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("--accept-differences", refused.Errors, StringComparison.Ordinal);
        Assert.Equal((150, 150L), ((await stage.RowsAsync()).Count, (await stage.AccountsAsync()).Open));

        await stage.JsonAsync(0, "retry", "--accept-differences");
        Assert.Equal((300, 150L), ((await stage.RowsAsync()).Count, (await stage.AccountsAsync()).Stored));
    }

    [Fact]
    public async Task Rows_of_the_letters_own_messages_are_no_sign_of_another_mapping()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(
            [.. Enumerable.Range(0, 150).Select(number => Message($$"""[{"temperature":{{number}}},{"temperature":"{{number}}.5"}]""", at: number))]);

        Assert.Equal(150, (await stage.Convert().JsonAsync(0, "retry")).GetProperty("stored").GetInt32());
        Assert.Equal(300, (await stage.RowsAsync()).Count);
    }

    [Fact]
    public async Task Rows_that_the_table_refuses_once_more_stop_nobody()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(
            [.. Enumerable.Range(0, 300).Select(number => Message($$"""{"temperature":"{{number}}"}""", device: $"d{number % 9}", at: number))]);
        await stage.ExecuteAsync("ALTER TABLE conditions ADD CONSTRAINT cold CHECK (temperature < 100)");

        var retry = await stage.Convert().JsonAsync(0, "retry");
        Assert.Equal((100, 200), (
            retry.GetProperty("stored").GetInt32(), retry.GetProperty("rejected").GetProperty("refused_by_database").GetInt32()));
        Assert.Equal(200, (await stage.JsonAsync(0, "retry")).GetProperty("rejected").GetProperty("refused_by_database").GetInt32());

        await stage.ExecuteAsync("ALTER TABLE conditions DROP CONSTRAINT cold");
        Assert.Equal(200, (await stage.JsonAsync(0, "retry", "--reason", "refused_by_database")).GetProperty("stored").GetInt32());
        Assert.Equal(new DeadLetterAccounts(300, 0, 300, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task In_any_order_retried_letters_make_the_table_that_the_mapping_would_have_made_at_once(int seed)
    {
        var random = new Random(seed);
        RawEvent[] messages = [.. Enumerable.Range(0, 40).Select(number => Message(
            $"[{string.Join(',', Enumerable.Range(0, random.Next(1, 6)).Select(_ => Element(random)))}]",
            device: $"d{random.Next(2)}",
            at: random.Next(4)))];
        await using var stage = await CreateAsync(postgres);
        await using var atOnce = await CreateAsync(postgres);
        var settings = new IngestSettings { Telemetry = Converting(), Commit = { ExpectDuplicates = true } };
        await atOnce.LiveAsync(settings, messages);
        foreach (var chunk in messages.Chunk(7))
        {
            await stage.LiveAsync(chunk);
        }

        await using var pipeline = new IngestPipeline(stage.Owner, settings);
        while (await new DeadLetterReader(stage.Owner).ListAsync(new DeadLetterFilter(Limit: 1_000), Cancelled) is { Count: > 0 } open)
        {
            var some = open.Where(_ => random.Next(3) == 0).Select(letter => letter.Key).ToArray();
            await new DeadLetterRetry(stage.Owner, settings.Telemetry).RunAsync(
                new DeadLetterFilter { Keys = some }, pipeline, Cancelled);
            await stage.AccountsAsync();
        }

        Assert.Equal(await atOnce.RowsAsync(), await stage.RowsAsync());

        static string Element(Random random)
        {
            var value = random.Next(3).ToString(CultureInfo.InvariantCulture);
            return random.Next(2) == 0 ? $$"""{"temperature":{{value}}}""" : $$"""{"temperature":"{{value}}"}""";
        }
    }

    // At another point of a transaction each round: it is killed when somebody has looked so many times after the last one ended.
    private static async Task KillAtWorkAsync(LetterStage stage, int round, params string[] command)
    {
        var before = await ResolvedAsync(stage);
        var looks = 0;
        await using var running = CliProcess.Start(stage.Environment, ["deadletters", .. command]);
        await Eventually.IsTrueAsync(
            async () => await ResolvedAsync(stage) > before && ++looks > 3 * round, "the command has resolved some");
        Assert.False(running.HasEnded);
        await running.KillAsync();
        await AssertWholeAsync(stage);
    }

    // So that a kill meets the command at its work: half of its time goes into rows, half into letters.
    private static Task SlowDownAsync(LetterStage stage) => stage.ExecuteAsync(
        """
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.15); RETURN NULL; END';
        CREATE TRIGGER slow AFTER INSERT ON conditions FOR EACH STATEMENT EXECUTE FUNCTION slow();
        CREATE TRIGGER slow AFTER UPDATE ON dead_letters FOR EACH STATEMENT EXECUTE FUNCTION slow();
        """);

    private static Task SpeedUpAsync(LetterStage stage) => stage.ExecuteAsync("DROP FUNCTION slow CASCADE");

    private async Task<LetterStage> WithLettersAsync()
    {
        var stage = await CreateAsync(postgres);
        foreach (var first in Enumerable.Range(0, Letters / 2_000))
        {
            await stage.LiveAsync(Batch(first, 2_000));
        }

        Assert.Equal(Letters, (await stage.AccountsAsync()).Open);
        return stage;
    }

    private static RawEvent[] Batch(int number, int size) =>
        [.. Enumerable.Range(number * size, size).Select(
            reading => Message($$"""{"temperature":"{{reading}}.5"}""", device: $"device-{reading % 5}", at: reading))];

    private static Task<long> ResolvedAsync(LetterStage stage) =>
        stage.ScalarAsync<long>("SELECT count(*) FROM dead_letters WHERE resolution IS NOT NULL");

    // Every letter has one reading: where one is stored there is its row, and no other.
    private static async Task AssertWholeAsync(LetterStage stage)
    {
        await stage.AccountsAsync();
        Assert.Equal(0, await stage.ScalarAsync<long>(
            """
            SELECT count(*) FROM conditions AS c FULL JOIN (SELECT * FROM dead_letters WHERE resolution = 'stored') AS l
                ON c.time = l.time AND c.device = l.device
            WHERE c.time IS NULL OR l.time IS NULL
            """));
    }
}
