using System.Collections.Concurrent;
using Ingest.Diagnostics;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.TestSupport;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class HubWorkerTests
{
    // Nobody listens there: ports below 1024 are given to nobody by chance.
    private const int ClosedPort = 1;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_partitions_are_read_from_the_earliest_event_in_order()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 3 });
        foreach (var partition in new[] { "0", "1", "2" })
        {
            await hub.SendAsync(partition, 0, 2_500);
        }

        var store = new MemoryStore();
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 7_500);

        foreach (var partition in new[] { "0", "1", "2" })
        {
            Assert.Equal(Numbers(0, 2_500), store.Bodies(partition));
        }

        Assert.Equal(0, store.Missed);
    }

    [Fact]
    public async Task A_second_run_goes_on_after_the_checkpoint_of_the_first()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        var store = new MemoryStore();
        await hub.SendAsync("0", 0, 300);
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 300);

        await hub.SendAsync("0", 300, 200);
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 500);

        Assert.Equal(Numbers(0, 500), store.Bodies("0"));
    }

    [Fact]
    public async Task Cut_connections_lose_nothing_and_repeat_nothing()
    {
        await using var hub = await TestHub.StartAsync(partitions: 2);
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(hub.Client(settings => settings.PrefetchEvents = 200), store);
        var sent = 0;
        for (var round = 0; round < 6; round++)
        {
            await hub.SendAsync("0", sent, 1_000);
            await hub.SendAsync("1", sent, 1_000);
            sent += 1_000;
            await worker.StoredAsync(store, (2 * sent) - 1_500);
            hub.Relay.Cut();
        }

        await worker.StoredAsync(store, 2 * sent);
        await worker.StopAsync();

        Assert.Equal(Numbers(0, sent), store.Bodies("0"));
        Assert.Equal(Numbers(0, sent), store.Bodies("1"));
        Assert.Equal(0, store.Missed);
        Assert.True(hub.Relay.Accepted > 10, "the connections were never cut");
    }

    [Fact]
    public async Task A_fenced_partition_is_claimed_again_by_its_owner_and_the_others_go_on()
    {
        await using var hub = await TestHub.StartAsync(partitions: 2);
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(hub.Client(), store);
        await hub.SendAsync("0", 0, 10);
        await hub.SendAsync("1", 0, 10);
        await worker.StoredAsync(store, 20);

        // Somebody else has claimed the checkpoint, but not the partition: only the store tells.
        await store.ClaimAsync("", "", ["0"], Cancel);
        await hub.SendAsync("0", 10, 10);
        await hub.SendAsync("1", 10, 10);

        await worker.StoredAsync(store, 40);
        await worker.StopAsync();
        Assert.Equal(Numbers(0, 20), store.Bodies("0"));
        Assert.Equal(Numbers(0, 20), store.Bodies("1"));
        Assert.Equal(3, store.Epoch("0"));
        Assert.Equal(1, store.Epoch("1"));
    }

    [Fact]
    public async Task A_slow_pipeline_holds_the_hub_back()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 3_000);
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new MemoryStore { Gate = (_, token) => open.Task.WaitAsync(token) };
        await using var worker = RunningWorker.Start(
            hub.Client(settings =>
            {
                settings.PrefetchEvents = 60;
                settings.MaxBatchEvents = 40;
            }),
            store);

        // Two batches are under way, and no third is handed over: the hub has been asked where the partition ends in the meantime.
        await Eventually.IsTrueAsync(() => worker.Partitions is [{ Held: > 40 and <= 80, EndSequenceNumber: 2_999 }]);
        Assert.InRange(worker.Partitions[0].Held, 41, 80);

        open.SetResult();
        await worker.StoredAsync(store, 3_000);
        await worker.StopAsync();
        Assert.Equal(Numbers(0, 3_000), store.Bodies("0"));
    }

    [Fact]
    public async Task What_retention_took_is_counted_as_missed()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 100);
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 100);

        await hub.ReplaceAsync(new LocalHubSettings { Port = 0, Partitions = 1, FirstSequenceNumbers = [250] });
        await hub.SendAsync("0", 250, 50);
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 150);

        Assert.Equal(150, store.Missed);
        Assert.Equal([.. Numbers(0, 100), .. Numbers(250, 50)], store.Bodies("0"));
    }

    [Fact]
    public async Task Events_before_the_first_ever_read_are_not_missed()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, FirstSequenceNumbers = [5_000] });
        await hub.SendAsync("0", 0, 10);

        await RunningWorker.UntilStoredAsync(hub.Client(), store, 10);

        Assert.Equal(0, store.Missed);
    }

    [Theory]
    [InlineData(30)]
    [InlineData(500)]
    public async Task A_hub_that_was_made_anew_is_read_from_its_beginning(int messagesInTheNewHub)
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 100);
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 100);

        await hub.ReplaceAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 1_000, messagesInTheNewHub);
        await RunningWorker.UntilStoredAsync(hub.Client(), store, 100 + messagesInTheNewHub);

        Assert.Equal([.. Numbers(0, 100), .. Numbers(1_000, messagesInTheNewHub)], store.Bodies("0"));
        Assert.Equal(0, store.Missed);
    }

    [Fact]
    public async Task A_database_that_is_away_or_refuses_when_a_partition_is_claimed_is_waited_for()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 10);
        var (logger, store) = (new RecordingLogger(), new MemoryStore());
        var failures = new ConcurrentQueue<Exception>(
            [new NpgsqlException("away", new IOException("reset")), Refusal("40P01"), Refusal("57P03"), Refusal("42501")]);
        await using var worker = RunningWorker.Start(
            hub.Client(logger: logger),
            store,
            claim: (name, group, partitions, token) =>
                failures.TryDequeue(out var failure) ? throw failure : store.ClaimAsync(name, group, partitions, token));

        await worker.StoredAsync(store, 10);
        await worker.StopAsync();

        Assert.Equal(Numbers(0, 10), store.Bodies("0"));

        // A line where it begins, one where it becomes something that an operator must mend, one where it ends.
        Assert.Equal(
            (2, 2, 1),
            (
                logger.Texts(LogEventIds.NotClaimed).Count,
                logger.Texts(LogEventIds.WaitingStill).Count,
                logger.Texts(LogEventIds.GoingOn).Count));
        Assert.Null(worker.Worker.WaitsFor);
    }

    [Fact]
    public async Task A_hub_that_is_away_is_waited_for_with_one_line_at_its_beginning_and_one_at_its_end()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 10);
        hub.Relay.Retarget(ClosedPort);
        var (logger, store) = (new RecordingLogger(), new MemoryStore());
        await using var worker = RunningWorker.Start(hub.Client(logger: logger), store);
        await Eventually.IsTrueAsync(() => logger.Texts(LogEventIds.WaitingStill).Count >= 2);
        Assert.NotNull(worker.Worker.WaitsFor);

        hub.Relay.Retarget(hub.Hub.Port);
        await worker.StoredAsync(store, 10);
        await worker.StopAsync();

        Assert.Equal(Numbers(0, 10), store.Bodies("0"));
        Assert.Equal((1, 1), (logger.Texts(LogEventIds.Unreachable).Count, logger.Texts(LogEventIds.GoingOn).Count));
        Assert.Null(worker.Worker.WaitsFor);
    }

    [Fact]
    public async Task Events_and_checkpoints_call_the_hub_what_the_settings_call_it()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 1);
        var claimed = "";
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(
            hub.Client(settings => settings.Identity = "old.servicebus.windows.net/telemetry"),
            store,
            claim: (name, group, partitions, token) =>
            {
                claimed = name;
                return store.ClaimAsync(name, group, partitions, token);
            });

        await worker.StoredAsync(store, 1);
        await worker.StopAsync();

        Assert.Equal("old.servicebus.windows.net/telemetry", claimed);
        Assert.Equal([(claimed, claimed)], store.Hubs);
    }

    [Fact]
    public async Task A_hub_made_anew_under_a_running_worker_is_read_from_its_beginning()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await using var worker = RunningWorker.Start(hub.Client(), store);
        await hub.SendAsync("0", 0, 100);
        await worker.StoredAsync(store, 100);

        await hub.ReplaceAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 1_000, 150);
        await worker.StoredAsync(store, 250);
        await worker.StopAsync();

        Assert.Equal([.. Numbers(0, 100), .. Numbers(1_000, 150)], store.Bodies("0"));
    }

    [Fact]
    public async Task The_status_tells_the_lag_and_the_end()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(hub.Client(), store);
        await hub.SendAsync("0", 0, 40);
        await worker.StoredAsync(store, 40);

        await Eventually.IsTrueAsync(
            () => worker.Partitions is [{ EndSequenceNumber: 39, LastSequenceNumber: 39, LagEvents: 0, IsAttached: true }]);
        Assert.Equal(TimeSpan.Zero, worker.Partitions[0].Lag);
        Assert.Equal(40, worker.Partitions[0].Counts.Stored);
        Assert.Equal(40, worker.Worker.Counts.Stored);
        await worker.StopAsync();
        Assert.Equal(40, worker.Worker.Counts.Stored);
    }

    private static PostgresException Refusal(string code) => new("refused", "ERROR", "ERROR", code);

    private static List<string> Numbers(int first, int count) => [.. Enumerable.Range(first, count).Select(number => number.ToString())];
}
