using System.Text;
using Ingest.DeadLetters;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.Write;

public sealed class CountsTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static readonly DateTime Stamp = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task Every_reading_ends_in_one_place_and_seeing_it_again_adds_nothing(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestSettings { Database = { Copy = database.Copy } });
        RawEvent[] events =
        [
            Message(0, """{"temperature":21.5,"humidity":40}"""),
            Message(0, """{"humidity":40.0,"temperature":21.5}"""),
            Message(0, """{"temperature":22,"humidity":40}"""),
            Message(1, """[{"temperature":1},{"temperature":"hot"},{"humidity":2}]"""),
            Message(2, "not json"),
            Message(3, """{"temperature":1}""", source: "deviceLifecycleEvents"),
        ];

        var first = (await pipeline.ProcessAsync(events, null, Stop)).Counts;
        var again = (await pipeline.ProcessAsync([.. events.Reverse()], null, Stop)).Counts;

        Assert.Equal(new ReadingCounts(Received: 8, Stored: 4, Duplicate: 1, DeadLettered: 2, Ignored: 1, Collisions: 2), first);
        Assert.Equal(new ReadingCounts(Received: 8, Duplicate: 7, Ignored: 1), again);
        Assert.Equal(4, await database.RowsAsync("conditions", Stop));
        Assert.Equal(2, await database.RowsAsync("dead_letters", Stop));
        Assert.Equal(
            "not_json,wrong_type",
            await database.ScalarAsync<string>("SELECT string_agg(reason, ',' ORDER BY reason) FROM dead_letters", Stop));
        Assert.Equal(
            "not json"u8.ToArray(), await database.ScalarAsync<byte[]>("SELECT body FROM dead_letters WHERE reason = 'not_json'", Stop));
    }

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task A_dead_letter_keeps_what_no_text_or_jsonb_column_would_take(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestSettings { Database = { Copy = database.Copy } });
        var message = new RawEvent
        {
            Hub = "hub\0",
            Partition = "0",
            RowTime = Stamp,
            DeviceId = "a\0\uD800",
            ModuleId = "m\0",
            MessageId = "\uDC00",
            ContentType = "\0",
            MessageSource = "Telemetry",
            Properties = new Dictionary<string, object?> { ["k\0"] = "v\0\uD800", ["n"] = double.NaN },
            Body = new byte[] { 0, 0xFF, 0 },
        };

        Assert.Equal(new ReadingCounts(Received: 1, DeadLettered: 1), (await pipeline.ProcessAsync([message], null, Stop)).Counts);
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

        var counts = await stage.RejectAsync([.. noisy, .. quiet], Stop);
        var kept = await database.RowsAsync("dead_letters WHERE device = 'noisy'", Stop);

        Assert.Equal(new ReadingCounts(Received: 2_020, DeadLettered: 2_020, NotKept: 2_000 - kept), counts);
        Assert.InRange(kept, 51, 120);
        Assert.Equal(20, await database.RowsAsync("dead_letters WHERE device = 'quiet'", Stop));
        Assert.Equal((kept, 2_000 - kept), (
            await database.ScalarAsync<long>("SELECT kept FROM dead_letter_quotas WHERE device = 'noisy'", Stop),
            await database.ScalarAsync<long>("SELECT not_kept FROM dead_letter_quotas WHERE device = 'noisy'", Stop)));
    }

    [Fact]
    public async Task A_message_of_bad_elements_is_kept_a_hundred_times_and_the_others_are_counted()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestSettings());
        var large = new string(' ', 200 * 1024);
        RawEvent[] events =
        [
            Message(0, $"[{string.Join(',', Enumerable.Repeat("1", 5_000))}]"),
            .. Enumerable.Range(1, 12).Select(number => Message(number, $"[1,2,3,4,5,6,7,8{large}]")),
        ];

        var counts = (await pipeline.ProcessAsync(events, null, Stop)).Counts;
        var again = (await pipeline.ProcessAsync(events, null, Stop)).Counts;

        // Of 200 KiB, five copies make 1 MiB; twelve such messages are more than one statement takes.
        Assert.Equal(new ReadingCounts(Received: 5_096, DeadLettered: 5_096, NotKept: 4_900 + (12 * 3)), counts);
        Assert.Equal(new ReadingCounts(Received: 5_096, Duplicate: 160, DeadLettered: 4_936, NotKept: 4_936), again);
        Assert.Equal(160, await database.RowsAsync("dead_letters", Stop));
        Assert.Equal(99, await database.ScalarAsync<int>("SELECT max(element) FROM dead_letters WHERE length(body) < 20000", Stop));
    }

    [Fact]
    public async Task Dead_letters_past_their_retention_are_deleted_soon_after_the_start_a_bounded_number_at_a_time()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(
            """
            INSERT INTO dead_letters (key, reason, detail, element, hub, partition, properties, body, received_at)
            SELECT sha256(n::text::bytea), 'not_json', '', -1, '', '', '{}', '',
                TIMESTAMPTZ '2026-01-01 00:00Z' + n * interval '1 second' FROM generate_series(1, 2500) AS n;
            INSERT INTO dead_letters (key, reason, detail, element, hub, partition, properties, body, received_at) VALUES (
                'new', 'not_json', '', -1, '', '', '{}', '', '2026-03-01 00:00Z')
            """,
            Stop);
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero));

        Assert.Equal((1_000, true), await new DeadLetterRetention(database.Source, 30, clock).CleanAsync(Stop));
        Assert.Equal(1_501, await database.RowsAsync("dead_letters", Stop));

        await using var stage = new WriteStage(database.Source, clock: clock);
        await stage.ProcessAsync([new(0, "a", 1.0, 1.0)], null, Stop);
        while (await database.RowsAsync("dead_letters", Stop) > 1)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.True(clock.GetUtcNow() < clock.Start + TimeSpan.FromMinutes(30));
        }

        Assert.Equal("new"u8.ToArray(), await database.ScalarAsync<byte[]>("SELECT key FROM dead_letters", Stop));
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
            var refused = await Assert.ThrowsAsync<Ingest.Failures.StoredValuesMismatchException>(
                () => stage.ProcessAsync(after, null, Stop));
            Assert.EndsWith("Commit:AcceptDifferences.", refused.Message, StringComparison.Ordinal);
            Assert.Equal(300, await database.RowsAsync("conditions", Stop));
            Assert.Equal(new ReadingCounts(Received: 300, Duplicate: 300), await stage.ProcessAsync(before, null, Stop));
        }

        commit.AcceptDifferences = true;
        await using var knowingly = new WriteStage(database.Source, commit: commit);
        var counts = await knowingly.ProcessAsync(after, null, Stop);
        Assert.Equal(300, counts.Stored + counts.Duplicate);
        Assert.True(counts.Collisions > 290);
    }

    private static RawEvent Message(int stamp, string body, string source = "Telemetry") => new()
    {
        Hub = "test/hub",
        Partition = "0",
        RowTime = Stamp.AddMilliseconds(stamp),
        DeviceId = "a",
        MessageSource = source,
        Body = Encoding.UTF8.GetBytes(body),
    };
}
