using System.Globalization;
using Azure.Messaging.EventHubs;
using Ingest.Events;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class HubReplayTests
{
    private const int Minutes = 25;
    private const int AMinute = 10;
    private static readonly DateTimeOffset Begin = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_range_takes_what_IoT_Hub_stamped_in_it_and_nothing_else()
    {
        await using var hub = await FilledAsync();
        var store = new MemoryStore();

        // IoT Hub's stamp is 200 ms before the hub's: the messages the hub stamped at 20:00.000 belong to it.
        var counts = await Replay(hub, store).RunAsync(
            new ReplayRange(Begin.UtcDateTime.AddMinutes(10), Begin.UtcDateTime.AddMinutes(20)), null, null, Cancel);

        var expected = Enumerable.Range(11 * AMinute, 10 * AMinute).ToList();
        Assert.Equal(expected.Where(number => number % 2 == 0), store.Bodies("0").Select(int.Parse));
        Assert.Equal(expected.Where(number => number % 2 == 1), store.Bodies("1").Select(int.Parse));
        Assert.Equal(10 * AMinute, counts.Stored);
        Assert.Equal(0, counts.Missed);
    }

    [Fact]
    public async Task One_partition_can_be_replayed_alone()
    {
        await using var hub = await FilledAsync();
        var store = new MemoryStore();

        await Replay(hub, store).RunAsync(new ReplayRange(DateTime.MinValue), "1", null, Cancel);

        Assert.Empty(store.Bodies("0"));
        Assert.Equal(Minutes * AMinute / 2, store.Bodies("1").Count);
    }

    [Fact]
    public async Task A_replay_ends_where_the_hub_ended_when_it_began()
    {
        await using var hub = await FilledAsync();
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new MemoryStore { Gate = (_, token) => open.Task.WaitAsync(token) };
        var running = Replay(hub, store, settings => settings.PrefetchEvents = 20).RunAsync(
            new ReplayRange(DateTime.MinValue), "0", null, Cancel);
        await Eventually.IsTrueAsync(() => store.Waiting > 0);

        await hub.SendAsync("0", 10_000, 50);
        open.SetResult();
        var counts = await running;

        Assert.Equal(Minutes * AMinute / 2, counts.Stored);
        Assert.DoesNotContain("10000", store.Bodies("0"));
    }

    [Fact]
    public async Task Progress_reaches_all_there_is()
    {
        await using var hub = await FilledAsync();
        var progress = new LastProgress();

        await Replay(hub, new MemoryStore()).RunAsync(new ReplayRange(DateTime.MinValue), null, progress, Cancel);

        Assert.Equal(Minutes * AMinute, progress.Last?.EventsRead);
        Assert.Equal(Minutes * AMinute, progress.Last?.EventsInAll);
    }

    [Fact]
    public async Task A_range_after_the_last_event_ends_at_once()
    {
        await using var hub = await FilledAsync();

        var counts = await Replay(hub, new MemoryStore()).RunAsync(new ReplayRange(Begin.UtcDateTime.AddDays(1)), null, null, Cancel);

        Assert.Equal(default, counts);
    }

    [Fact]
    public async Task The_workers_consumer_group_is_refused()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0 });

        var refused = Assert.Throws<ArgumentException>(
            () => new HubReplay(hub.Client(), "$default", "$Default", EventFields.Default, new MemoryStore().ProcessAsync));

        Assert.Contains("consumer group of its own", refused.Message, StringComparison.Ordinal);
    }

    private static HubReplay Replay(TestHub hub, MemoryStore store, Action<HubSettings>? change = null) =>
        new(hub.Client(change), "replay", "$Default", EventFields.Default, store.ProcessAsync);

    // Ten messages a minute, the even ones in partition 0.
    private static async Task<TestHub> FilledAsync()
    {
        var clock = new FakeTimeProvider(Begin);
        var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 2, ConsumerGroups = ["replay"], Clock = clock });
        for (var minute = 0; minute < Minutes; minute++)
        {
            for (var partition = 0; partition < 2; partition++)
            {
                await hub.SendAsync(
                    partition.ToString(CultureInfo.InvariantCulture),
                    0,
                    AMinute / 2,
                    number => Stamped((minute * AMinute) + (2 * number) + partition, clock.GetUtcNow().UtcDateTime.AddMilliseconds(-200)));
            }

            clock.Advance(TimeSpan.FromMinutes(1));
        }

        return hub;
    }

    private static EventData Stamped(int number, DateTime stamp) => TestHub.Message(
        number.ToString(CultureInfo.InvariantCulture), new() { ["iothub-connection-device-id"] = "d", ["iothub-enqueuedtime"] = stamp });

    private sealed class LastProgress : IProgress<ReplayProgress>
    {
        public ReplayProgress? Last { get; private set; }

        public void Report(ReplayProgress value) => Last = value;
    }
}
