using System.Text;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Write;

public sealed class AccountsTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static readonly DateTime Stamp = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task Every_reading_ends_in_one_place_and_seeing_it_again_adds_nothing(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestOptions { Database = { Copy = database.Copy } });
        RawEvent[] events =
        [
            Message(0, """{"temperature":21.5,"humidity":40}"""),
            Message(0, """{"humidity":40.0,"temperature":21.5}"""),
            Message(0, """{"temperature":22,"humidity":40}"""),
            Message(1, """[{"temperature":1},{"temperature":"hot"},{"humidity":2}]"""),
            Message(2, "not json"),
            Message(3, """{"temperature":1}""", source: "deviceLifecycleEvents"),
        ];

        var first = (await pipeline.ProcessAsync(events, null, Stop)).Accounts;
        var again = (await pipeline.ProcessAsync([.. events.Reverse()], null, Stop)).Accounts;

        Assert.Equal(new Accounts(Received: 8, Stored: 4, Duplicate: 1, DeadLettered: 2, Ignored: 1, Collisions: 2), first);
        Assert.Equal(new Accounts(Received: 8, Duplicate: 7, Ignored: 1), again);
        Assert.Equal(4, await database.RowsAsync("conditions", Stop));
        Assert.Equal(2, await database.RowsAsync("dead_letters", Stop));
        Assert.Equal("not_json,wrong_type", await database.ScalarAsync<string>("SELECT string_agg(reason, ',' ORDER BY reason) FROM dead_letters", Stop));
        Assert.Equal("not json"u8.ToArray(), await database.ScalarAsync<byte[]>("SELECT body FROM dead_letters WHERE reason = 'not_json'", Stop));
    }

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task A_dead_letter_keeps_what_no_text_or_jsonb_column_would_take(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestOptions { Database = { Copy = database.Copy } });
        var message = new RawEvent
        {
            Hub = "hub\0", Partition = "0", EnqueuedTime = Stamp, DeviceId = "a\0\uD800", ModuleId = "m\0", MessageId = "\uDC00", ContentType = "\0", MessageSource = "Telemetry",
            Properties = new Dictionary<string, object?> { ["k\0"] = "v\0\uD800", ["n"] = double.NaN },
            Body = new byte[] { 0, 0xFF, 0 },
        };

        Assert.Equal(new Accounts(Received: 1, DeadLettered: 1), (await pipeline.ProcessAsync([message], null, Stop)).Accounts);
        Assert.Equal(message.Body.ToArray(), await database.ScalarAsync<byte[]>("SELECT body FROM dead_letters", Stop));
        Assert.Equal("v\uFFFD\uFFFD", await database.ScalarAsync<string>("SELECT properties ->> 'k\uFFFD' FROM dead_letters", Stop));
    }

    [Fact]
    public async Task Past_its_quota_a_device_is_counted_and_sampled_and_others_are_kept()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.Source, deadLetters: new DeadLetterSettings { QuotaPerDeviceAndDay = 50 });
        RawEvent[] noisy = [.. Enumerable.Range(0, 2_000).Select(number => WriteStage.Message(new Reading(number, "noisy")))];
        RawEvent[] quiet = [.. Enumerable.Range(0, 20).Select(number => WriteStage.Message(new Reading(number, "quiet")))];

        var accounts = await stage.RejectAsync([.. noisy, .. quiet], Stop);
        var kept = await database.RowsAsync("dead_letters WHERE device = 'noisy'", Stop);

        Assert.Equal(new Accounts(Received: 2_020, DeadLettered: 2_020, NotKept: 2_000 - kept), accounts);
        Assert.InRange(kept, 51, 120);
        Assert.Equal(20, await database.RowsAsync("dead_letters WHERE device = 'quiet'", Stop));
        Assert.Equal((kept, 2_000 - kept), (
            await database.ScalarAsync<long>("SELECT kept FROM dead_letter_quotas WHERE device = 'noisy'", Stop),
            await database.ScalarAsync<long>("SELECT not_kept FROM dead_letter_quotas WHERE device = 'noisy'", Stop)));
    }

    [Fact]
    public async Task A_mapping_that_has_changed_is_refused_before_it_doubles_the_table()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        Reading[] before = [.. Enumerable.Range(0, 300).Select(number => new Reading(number, "a", 1.0 * number, 2.0))];
        Reading[] after = [.. before.Select(reading => reading with { Values = [reading.Values[1], reading.Values[0]] })];
        var commit = new CommitSettings { DifferencesToRefuse = 100, ExpectDuplicates = true };
        await using (var stage = new WriteStage(database.Source, commit: commit))
        {
            await stage.ProcessAsync(before, null, Stop);
            await Assert.ThrowsAsync<Ingest.Write.DifferencesException>(() => stage.ProcessAsync(after, null, Stop));
            Assert.Equal(300, await database.RowsAsync("conditions", Stop));
            Assert.Equal(new Accounts(Received: 300, Duplicate: 300), await stage.ProcessAsync(before, null, Stop));
        }

        commit.AcceptDifferences = true;
        await using var knowingly = new WriteStage(database.Source, commit: commit);
        var accounts = await knowingly.ProcessAsync(after, null, Stop);
        Assert.Equal(300, accounts.Stored + accounts.Duplicate);
        Assert.True(accounts.Collisions > 290);
    }

    private static RawEvent Message(int stamp, string body, string source = "Telemetry") => new()
    {
        Hub = "test/hub", Partition = "0", EnqueuedTime = Stamp.AddMilliseconds(stamp), DeviceId = "a", MessageSource = source, Body = Encoding.UTF8.GetBytes(body),
    };
}
