using System.Text.Json;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;
using static Ingest.IntegrationTests.Repair.LetterStage;

namespace Ingest.IntegrationTests.Repair;

/// <summary><c>ingest deadletters retry</c> against a native PostgreSQL, and once against TimescaleDB.</summary>
public sealed class RetryTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const string Text = """{"temperature":"21.5"}""";

    [Theory]
    [InlineData(Write.Server.Native)]
    [InlineData(Write.Server.Timescale)]
    public async Task A_letter_is_resolved_with_its_row_and_the_accounts_stay_whole(Write.Server server)
    {
        await using var stage = server == Write.Server.Native ? await CreateAsync(postgres) : await CreateAsync(timescale);
        RawEvent[] messages = [Message(Text, at: 1), Message("no JSON", at: 2), Message("""{"temperature":1}""", at: 3)];
        await stage.LiveAsync(messages);
        Assert.Equal(new DeadLetterAccounts(2, 2, 0, 0, 0, 0, 0), await stage.AccountsAsync());

        var retry = await stage.Convert().JsonAsync(0, "retry");

        Assert.Equal((1, 1), (Int(retry, "stored"), Int(retry, "rows")));
        Assert.Equal(1, retry.GetProperty("rejected").GetProperty("not_json").GetInt32());
        Assert.Equal(["1 a 21.5 -", "3 a 1 -"], await stage.RowsAsync());
        Assert.Equal(new DeadLetterAccounts(2, 1, 1, 0, 0, 0, 0), await stage.AccountsAsync());
        Assert.Equal(
            "stored retry as ",
            await stage.ScalarAsync<string>(
                "SELECT resolution || ' ' || left(resolved_by, 9) FROM dead_letters WHERE resolved_at > now() - interval '1 hour'"));

        // It is no letter any more, and its message from any source no row.
        Assert.Equal(0, Int(await stage.JsonAsync(0, "retry", "--reason", "wrong_type"), "stored"));
        Assert.Equal(
            new ReadingCounts(Received: 3, Duplicate: 3),
            await stage.LiveAsync(new IngestSettings { Telemetry = Converting() }, messages));
        Assert.Equal(new ReadingCounts(Received: 3, Duplicate: 3), await stage.LiveAsync(messages));
        Assert.Equal(new DeadLetterAccounts(2, 1, 1, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task Open_letters_are_listed_and_resolved_ones_with_an_option()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(Message(Text, at: 1), Message("no JSON", at: 2));
        await stage.Convert().JsonAsync(0, "retry");

        var open = (await stage.JsonAsync(0, "list")).GetProperty("deadLetters");
        var all = (await stage.JsonAsync(0, "list", "--resolved")).GetProperty("deadLetters");
        var resolved = all.EnumerateArray().Single(letter => letter.GetProperty("resolution").ValueKind == JsonValueKind.String);
        var key = resolved.GetProperty("key").GetString()!;
        var hidden = await stage.RunAsync("show", key);
        var shown = await stage.RunAsync("show", key, "--resolved");
        var status = await Ingest.TestSupport.Processes.CliProcess.RunAsync(stage.Environment, "status");

        Assert.Equal("not_json", Assert.Single(open.EnumerateArray()).GetProperty("reason").GetString());
        Assert.Equal(2, all.GetArrayLength());
        Assert.Equal(1, hidden.ExitCode);
        Assert.Contains("is resolved: 'ingest deadletters show", hidden.Errors, StringComparison.Ordinal);
        Assert.Contains("stored at ", shown.Output, StringComparison.Ordinal);
        Assert.Contains(
            "dead-lettered 2 = open 1 + stored since 1 + duplicate since 0 + discarded 0 + not kept 0 + past retention 0",
            status.Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_rejected_again_keeps_its_letter_with_the_new_reason()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(Message(Text));
        var key = await stage.ScalarAsync<byte[]>("SELECT key FROM dead_letters");

        var retry = await stage.Convert().Set("Telemetry__Columns__1__Required", "true").JsonAsync(0, "retry");

        Assert.Equal(1, retry.GetProperty("rejected").GetProperty("missing_required").GetInt32());
        Assert.Equal(
            "missing_required humidity is missing, and the column \"humidity\" requires it.",
            await stage.ScalarAsync<string>("SELECT reason || ' ' || detail FROM dead_letters"));
        Assert.Equal(key, await stage.ScalarAsync<byte[]>("SELECT key FROM dead_letters WHERE resolution IS NULL"));
        Assert.Equal(new DeadLetterAccounts(1, 1, 0, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task A_dry_run_counts_and_changes_nothing()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(Message($$"""[{{Text}},{"temperature":"warm"},{"temperature":2}]"""), Message("[[1]]", at: 1));
        var before = await stage.ScalarAsync<string>("SELECT string_agg(l::text, ' ' ORDER BY key) FROM dead_letters AS l");

        var retry = await stage.Convert().JsonAsync(0, "retry", "--dry-run");

        Assert.Equal((1, 1), (Int(retry, "stored"), Int(retry, "rows")));
        Assert.Equal(1, retry.GetProperty("rejected").GetProperty("wrong_type").GetInt32());
        Assert.Equal(1, retry.GetProperty("rejected").GetProperty("not_object").GetInt32());
        Assert.Equal(["0 a 2 -"], await stage.RowsAsync());
        Assert.Equal(before, await stage.ScalarAsync<string>("SELECT string_agg(l::text, ' ' ORDER BY key) FROM dead_letters AS l"));
    }

    [Fact]
    public async Task The_filters_choose_by_reason_device_stamp_arrival_and_key()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(
            [.. "abcdef".Select((device, number) => Message(Text, device: device.ToString(), at: number * 1_000))]);
        await stage.ExecuteAsync("UPDATE dead_letters SET received_at = received_at - interval '1 day' WHERE device IN ('e', 'f')");
        await stage.ExecuteAsync(
            "UPDATE dead_letter_totals SET day = day - 1, kept = 2; "
                + "INSERT INTO dead_letter_totals SELECT day + 1, 4, 0, 0 FROM dead_letter_totals");
        var key = await stage.ScalarAsync<string>("SELECT left(encode(key, 'hex'), 16) FROM dead_letters WHERE device = 'c'");
        stage.Convert();

        await stage.JsonAsync(0, "retry", "--reason", "not_json");
        Assert.Empty(await stage.RowsAsync());
        await stage.JsonAsync(0, "retry", "--device", "a");
        Assert.Equal(["0 a 21.5 -"], await stage.RowsAsync());
        await stage.JsonAsync(0, "retry", "--from", "2026-05-01T12:00:01Z", "--to", "2026-05-01T12:00:02Z");
        Assert.Equal(["0 a 21.5 -", "1000 b 21.5 -"], await stage.RowsAsync());
        await stage.JsonAsync(0, "retry", key);
        Assert.Equal(["0 a 21.5 -", "1000 b 21.5 -", "2000 c 21.5 -"], await stage.RowsAsync());
        await stage.JsonAsync(0, "retry", "--until", "12h", "--device", "e");
        await stage.JsonAsync(0, "retry", "--since", "12h", "--device", "f");
        Assert.Equal(["0 a 21.5 -", "1000 b 21.5 -", "2000 c 21.5 -", "4000 e 21.5 -"], await stage.RowsAsync());
        var unknown = await stage.RunAsync("retry", "00ff00ff");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("No dead letter's key begins with 00ff00ff.", unknown.Errors, StringComparison.Ordinal);
        Assert.Equal(new DeadLetterAccounts(6, 2, 4, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task The_neighbours_of_a_letter_are_not_stored_again_under_another_mapping()
    {
        await using var stage = await CreateAsync(postgres);
        var narrow = new TelemetrySettings { Columns = { new() { Name = "temperature" } } };
        await stage.LiveAsync(
            new IngestSettings { Telemetry = narrow },
            Message("""[{"temperature":1,"humidity":40},{"temperature":"2","humidity":41},{"temperature":3,"humidity":42}]"""));

        var retry = await stage.Convert().JsonAsync(0, "retry");

        Assert.Equal((1, 1), (Int(retry, "stored"), Int(retry, "rows")));
        Assert.Equal(["0 a 1 -", "0 a 2 41", "0 a 3 -"], await stage.RowsAsync());
    }

    [Fact]
    public async Task Equal_elements_of_a_message_are_readings_of_their_own_also_when_one_was_a_letter()
    {
        await using var stage = await CreateAsync(postgres);
        var message = Message("""[{"temperature":"1"},{"temperature":1},{"temperature":1},{"temperature":"2"}]""");
        await stage.LiveAsync(message, Message("""{"temperature":2}"""));
        Assert.Equal(["0 a 1 -", "0 a 1 -", "0 a 2 -"], await stage.RowsAsync());

        var retry = await stage.Convert().JsonAsync(0, "retry");

        // The third of three is a row; the 2 was there, from another message.
        Assert.Equal((1, 1), (Int(retry, "stored"), Int(retry, "duplicate")));
        Assert.Equal(["0 a 1 -", "0 a 1 -", "0 a 1 -", "0 a 2 -"], await stage.RowsAsync());
        Assert.Equal(new DeadLetterAccounts(2, 0, 1, 1, 0, 0, 0), await stage.AccountsAsync());
        Assert.Equal(0, (await stage.LiveAsync(new IngestSettings { Telemetry = Converting() }, message)).Stored);
    }

    [Fact]
    public async Task A_body_rejected_whole_becomes_its_readings_and_those_that_are_bad_letters_of_their_own()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(
            Message("""[{"device":"leaf","temperature":1},{"device":"leaf","temperature":true},{"device":"leaf","temperature":3}]""", null),
            Message("""[{"device":"leaf","temperature":true},{"device":"leaf","temperature":false}]""", null, at: 1));
        Assert.Equal(new DeadLetterAccounts(2, 2, 0, 0, 0, 0, 0), await stage.AccountsAsync());

        var retry = await stage.Set("Telemetry__AllowBodyDevice", "true").JsonAsync(0, "retry");

        Assert.Equal((1, 2, 1), (Int(retry, "stored"), Int(retry, "rows"), Int(retry, "newLetters")));
        Assert.Equal(1, retry.GetProperty("rejected").GetProperty("wrong_type").GetInt32());
        Assert.Equal(["0 leaf 1 -", "0 leaf 3 -"], await stage.RowsAsync());
        Assert.Equal(new DeadLetterAccounts(3, 2, 1, 0, 0, 0, 0), await stage.AccountsAsync());
        Assert.Equal(
            "-1 1",
            await stage.ScalarAsync<string>(
                "SELECT string_agg(element::text, ' ' ORDER BY element) FROM dead_letters WHERE resolution IS NULL"));
    }

    private static int Int(JsonElement json, string name) => json.GetProperty(name).GetInt32();
}
