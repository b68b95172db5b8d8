using Ingest.DeadLetters;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Xunit;
using static Ingest.IntegrationTests.Repair.LetterStage;

namespace Ingest.IntegrationTests.Repair;

/// <summary><c>ingest deadletters discard</c>, and where letters are once they are gone.</summary>
public sealed class DiscardTests(PostgresFixture postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_discarded_letter_stays_with_why_and_is_tried_no_more()
    {
        await using var stage = await CreateAsync(postgres);
        RawEvent[] messages = [Message("""{"temperature":"1"}""", "a"), Message("""{"temperature":"2"}""", "b")];
        await stage.LiveAsync(messages);

        var wouldBe = await stage.JsonAsync(0, "discard", "--device", "a", "--because", "x", "--dry-run");
        var discard = await stage.JsonAsync(0, "discard", "--device", "a", "--because", "test bench\u202e\e[2J");
        var again = await stage.JsonAsync(0, "discard", "--device", "a", "--because", "once more");
        await stage.Convert().JsonAsync(0, "retry");

        Assert.Equal(
            [1, 1, 0],
            new[] { wouldBe, discard, again }.Select(result => result.GetProperty("discarded").GetInt32()));
        Assert.Equal(["0 b 2 -"], await stage.RowsAsync());
        Assert.Equal(new ReadingCounts(Received: 2, Duplicate: 2), await stage.LiveAsync(messages));
        Assert.Equal(new DeadLetterAccounts(2, 0, 1, 0, 1, 0, 0), await stage.AccountsAsync());
        var key = await stage.ScalarAsync<string>("SELECT encode(key, 'hex') FROM dead_letters WHERE resolution = 'discarded'");
        var shown = await stage.RunAsync("show", key, "--resolved");
        Assert.Contains("discarded at", shown.Output, StringComparison.Ordinal);
        Assert.Contains("because test bench", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', shown.Output);
    }

    [Theory]
    [InlineData("Option '--because' is required", "--reason", "not_json")]
    [InlineData("Say which to discard", "--because", "x")]
    [InlineData("leave out what restricts it", "--because", "x", "--all", "--reason", "not_json")]
    [InlineData("--because takes a reason that is not empty", "--because", " ", "--all")]
    public async Task It_says_what_it_needs(string message, params string[] arguments)
    {
        var discard = await CliProcess.RunAsync(new Dictionary<string, string>(), ["deadletters", "discard", .. arguments]);

        Assert.Equal(2, discard.ExitCode);
        Assert.Contains(message, discard.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Letters_past_a_quota_or_their_retention_stay_in_the_accounts()
    {
        await using var stage = await CreateAsync(postgres);
        var settings = new IngestSettings { DeadLetters = { QuotaPerDay = 30, RetentionDays = 10 } };
        var bad = string.Join(',', Enumerable.Range(0, 150).Select(number => $$"""{"temperature":"{{number}}"}"""));
        await stage.LiveAsync(settings, Message($"[{bad}]"));
        var kept = await stage.ScalarAsync<long>("SELECT count(*) FROM dead_letters");
        Assert.Equal((30, 150 - 30), (kept, (await stage.AccountsAsync()).NotKept));
        Assert.Equal(30, (await stage.Convert().JsonAsync(0, "retry")).GetProperty("rows").GetInt32());

        await stage.LiveAsync(Message("no JSON", "b"), Message("nor this", "b"));
        await stage.JsonAsync(0, "discard", "--device", "b", "--reason", "not_json", "--because", "x");
        await stage.LiveAsync(Message("nor that", "b"));
        Assert.Equal(new DeadLetterAccounts(153, 1, 30, 0, 2, 120, 0), await stage.AccountsAsync());

        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(11));
        await new DeadLetterRetention(stage.Owner, 10, clock).CleanAsync(Cancelled);
        Assert.Equal(0, await stage.ScalarAsync<long>("SELECT count(*) FROM dead_letters"));
        Assert.Equal(new DeadLetterAccounts(153, 0, 30, 0, 2, 120, 1), await stage.AccountsAsync());
    }

    [Fact]
    public async Task The_migration_counts_the_letters_that_were_there_and_those_that_were_gone_and_can_be_repeated()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(Message("no JSON", "a"), Message("nor this", "b"), Message("nor that", "c"));
        await stage.ExecuteAsync(
            """
            DROP VIEW dead_letter_accounts;
            DROP TRIGGER count_resolved ON dead_letters;
            DROP TRIGGER count_deleted ON dead_letters;
            ALTER TABLE dead_letter_totals DROP COLUMN stored, DROP COLUMN duplicate, DROP COLUMN discarded, DROP COLUMN past_retention;
            DELETE FROM dead_letters WHERE device = 'a';
            UPDATE dead_letters SET received_at = received_at - interval '40 days' WHERE device = 'b';
            INSERT INTO dead_letter_quotas VALUES ('x', current_date - 50, 0, 7);
            DELETE FROM ingest_migrations WHERE scriptname LIKE '0012%'
            """);

        for (var round = 0; round < 2; round++)
        {
            await Ingest.Database.Migrations.DatabaseMigrator.MigrateAsync(
                stage.Owner, new() { PlainPostgres = true }, Cancelled);
            Assert.Equal(new DeadLetterAccounts(11, 2, 0, 0, 0, 7, 2), await stage.AccountsAsync());
            await stage.ExecuteAsync("DELETE FROM ingest_migrations WHERE scriptname LIKE '0012%'");
        }
    }

    [Fact]
    public async Task The_version_before_works_with_the_result_and_what_it_deletes_is_counted()
    {
        await using var stage = await CreateAsync(postgres);
        await using var writer = NpgsqlDataSource.Create(stage.Environment["Database__ConnectionString"]);
        await using var command = writer.CreateCommand(
            """
            INSERT INTO dead_letters (key, reason, detail, element, hub, partition, properties, body, received_at)
                VALUES ('1', 'not_json', '', -1, '', '', '{}', '', now()), ('2', 'not_json', '', -1, '', '', '{}', '', now());
            INSERT INTO dead_letter_totals (day, kept, kept_bytes, not_kept) VALUES ((now() AT TIME ZONE 'UTC')::date, 2, 0, 0);
            DELETE FROM dead_letters WHERE key = '1'
            """);
        await command.ExecuteNonQueryAsync(Cancelled);

        Assert.Equal(new DeadLetterAccounts(2, 1, 0, 0, 0, 0, 1), await stage.AccountsAsync());
    }
}
