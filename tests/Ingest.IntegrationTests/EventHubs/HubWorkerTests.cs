using System.Collections.Concurrent;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
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
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 3 });
        foreach (var partition in new[] { "0", "1", "2" })
        {
            await hub.SendAsync(partition, 0, 2_500);
        }

        var store = new MemoryStore();
        await RunUntilStoredAsync(hub.Client(), store, 7_500);

        foreach (var partition in new[] { "0", "1", "2" })
        {
            Assert.Equal(Numbers(0, 2_500), store.Bodies(partition));
        }

        Assert.Equal(0, store.Missed);
    }

    [Fact]
    public async Task A_second_run_goes_on_after_the_checkpoint_of_the_first()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var store = new MemoryStore();
        await hub.SendAsync("0", 0, 300);
        await RunUntilStoredAsync(hub.Client(), store, 300);

        await hub.SendAsync("0", 300, 200);
        await RunUntilStoredAsync(hub.Client(), store, 500);

        Assert.Equal(Numbers(0, 500), store.Bodies("0"));
    }

    [Fact]
    public async Task Cut_connections_lose_nothing_and_repeat_nothing()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 2 });
        var store = new MemoryStore();
        using var worker = Worker(hub.Client(settings => settings.PrefetchEvents = 200), store);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        var sent = 0;
        for (var round = 0; round < 6; round++)
        {
            await hub.SendAsync("0", sent, 1_000);
            await hub.SendAsync("1", sent, 1_000);
            sent += 1_000;
            await store.StoredAsync((2 * sent) - 1_500, Cancel);
            hub.Relay.Cut();
        }

        await store.StoredAsync(2 * sent, Cancel);
        await stop.CancelAsync();
        await running;

        Assert.Equal(Numbers(0, sent), store.Bodies("0"));
        Assert.Equal(Numbers(0, sent), store.Bodies("1"));
        Assert.Equal(0, store.Missed);
        Assert.True(hub.Relay.Accepted > 1, "the connection was never cut");
    }

    [Fact]
    public async Task The_newcomer_takes_over_and_the_older_worker_ends()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 2 });
        await hub.SendAsync("0", 0, 500);
        await hub.SendAsync("1", 0, 500);
        var store = new MemoryStore();
        using var older = Worker(hub.Client(), store);
        var running = older.RunAsync(CancellationToken.None, Cancel);
        await store.StoredAsync(1_000, Cancel);

        using var newer = Worker(hub.Client(), store);
        using var stop = new CancellationTokenSource();
        var taking = newer.RunAsync(stop.Token, Cancel);

        await Assert.ThrowsAsync<OwnershipLostException>(() => running.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        await hub.SendAsync("0", 500, 500);
        await hub.SendAsync("1", 500, 500);
        await store.StoredAsync(2_000, Cancel);
        await stop.CancelAsync();
        await taking;
        Assert.Equal(Numbers(0, 1_000), store.Bodies("0"));
        Assert.Equal(Numbers(0, 1_000), store.Bodies("1"));
    }

    [Fact]
    public async Task A_worker_whose_checkpoint_is_fenced_ends_on_all_partitions()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 2 });
        var store = new MemoryStore();
        using var worker = Worker(hub.Client(), store);
        var running = worker.RunAsync(CancellationToken.None, Cancel);
        await hub.SendAsync("0", 0, 10);
        await hub.SendAsync("1", 0, 10);
        await store.StoredAsync(20, Cancel);

        // Another worker has claimed, but does not read yet: only the store tells.
        await store.ClaimAsync("", "", ["0"], Cancel);
        await hub.SendAsync("0", 10, 10);

        await Assert.ThrowsAsync<OwnershipLostException>(() => running.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        Assert.Equal(Numbers(0, 10), store.Bodies("0"));
    }

    [Fact]
    public async Task A_slow_pipeline_holds_the_hub_back()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 3_000);
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new MemoryStore { Gate = (_, token) => open.Task.WaitAsync(token) };
        using var worker = Worker(
            hub.Client(settings =>
            {
                settings.PrefetchEvents = 100;
                settings.MaxBatchEvents = 40;
            }),
            store);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);

        await Eventually.Is(() => worker.Partitions is [{ Held: 100 }]);
        // The hub has been asked where the partition ends after the credit was used up: it had the chance to send more.
        await Eventually.Is(() => worker.Partitions is [{ EndSequenceNumber: 2_999 }]);
        Assert.Equal(100, worker.Partitions[0].Held);

        open.SetResult();
        await store.StoredAsync(3_000, Cancel);
        await stop.CancelAsync();
        await running;
        Assert.Equal(Numbers(0, 3_000), store.Bodies("0"));
    }

    [Fact]
    public async Task What_was_received_is_stored_before_a_stopped_worker_ends()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 500);
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new MemoryStore { Gate = (_, token) => open.Task.WaitAsync(token) };
        using var worker = Worker(hub.Client(settings => settings.PrefetchEvents = 50), store);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await Eventually.Is(() => worker.Partitions is [{ Held: 50 }]);

        await stop.CancelAsync();
        Assert.False(running.IsCompleted);
        open.SetResult();
        await running.WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        Assert.Equal(Numbers(0, 50), store.Bodies("0"));
        Assert.Equal(49, store.Position("0")?.SequenceNumber);
    }

    [Fact]
    public async Task Abandoning_gives_up_what_is_not_stored()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 10);
        var store = new MemoryStore { Gate = (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) };
        using var worker = Worker(hub.Client(), store);
        using var stop = new CancellationTokenSource();
        using var abandon = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, abandon.Token);
        await Eventually.Is(() => worker.Partitions is [{ Held: 10 }]);

        await stop.CancelAsync();
        await abandon.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        Assert.Null(store.Position("0"));
    }

    [Fact]
    public async Task What_retention_took_is_counted_as_missed()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 100);
        await RunUntilStoredAsync(hub.Client(), store, 100);

        await hub.ReplaceAsync(new LocalHubOptions { Port = 0, Partitions = 1, FirstSequenceNumbers = [250] });
        await hub.SendAsync("0", 250, 50);
        await RunUntilStoredAsync(hub.Client(), store, 150);

        Assert.Equal(150, store.Missed);
        Assert.Equal([.. Numbers(0, 100), .. Numbers(250, 50)], store.Bodies("0"));
    }

    [Fact]
    public async Task Events_before_the_first_ever_read_are_not_missed()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1, FirstSequenceNumbers = [5_000] });
        await hub.SendAsync("0", 0, 10);

        await RunUntilStoredAsync(hub.Client(), store, 10);

        Assert.Equal(0, store.Missed);
    }

    [Theory]
    [InlineData(30)]
    [InlineData(500)]
    public async Task A_hub_that_was_made_anew_is_read_from_its_beginning(int messagesInTheNewHub)
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 100);
        await RunUntilStoredAsync(hub.Client(), store, 100);

        await hub.ReplaceAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 1_000, messagesInTheNewHub);
        await RunUntilStoredAsync(hub.Client(), store, 100 + messagesInTheNewHub);

        Assert.Equal([.. Numbers(0, 100), .. Numbers(1_000, messagesInTheNewHub)], store.Bodies("0"));
        Assert.Equal(0, store.Missed);
    }

    [Fact]
    public async Task An_event_that_was_sent_as_proof_alone_costs_no_credit()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 5);
        await RunUntilStoredAsync(hub.Client(settings => settings.PrefetchEvents = 1), store, 5);

        // The event number 4 is there, and is another one: the proof fails.
        await hub.ReplaceAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 1_000, 20);
        await RunUntilStoredAsync(hub.Client(settings => settings.PrefetchEvents = 1), store, 25);

        Assert.Equal([.. Numbers(0, 5), .. Numbers(1_000, 20)], store.Bodies("0"));
        Assert.Equal(0, store.Missed);
    }

    [Fact]
    public async Task A_database_that_is_away_or_busy_when_the_partitions_are_claimed_is_waited_for()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 10);
        var store = new MemoryStore();
        var logger = new RecordingLogger();
        var failures = new ConcurrentQueue<Exception>([new NpgsqlException("away", new IOException("reset")), Refusal("40P01"), Refusal("57P03")]);
        using var worker = new HubWorker(
            hub.Client(logger: logger),
            TimeSource.IotHub,
            (name, group, partitions, token) => failures.TryDequeue(out var failure) ? throw failure : store.ClaimAsync(name, group, partitions, token),
            store.ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);

        await Task.WhenAny(store.StoredAsync(10, Cancel), running);
        await stop.CancelAsync();
        await running;

        Assert.Equal(Numbers(0, 10), store.Bodies("0"));
        Assert.Equal((1, 2, 1), (logger.Texts(2016).Count, logger.Texts(2017).Count, logger.Texts(2018).Count));
        Assert.Null(worker.WaitsFor);
    }

    [Fact]
    public async Task A_hub_that_is_away_at_the_start_is_waited_for_with_one_line_at_its_beginning_and_one_at_its_end()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 10);
        hub.Relay.Retarget(ClosedPort);
        var (logger, store) = (new RecordingLogger(), new MemoryStore());
        using var worker = new HubWorker(hub.Client(logger: logger), TimeSource.IotHub, store.ClaimAsync, store.ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await Eventually.Is(() => logger.Texts(2017).Count >= 2);
        Assert.NotNull(worker.WaitsFor);

        hub.Relay.Retarget(hub.Hub.Port);
        await Task.WhenAny(store.StoredAsync(10, Cancel), running);
        await stop.CancelAsync();
        await running;

        Assert.Equal(Numbers(0, 10), store.Bodies("0"));
        Assert.Equal((1, 1), (logger.Texts(2015).Count, logger.Texts(2018).Count));
        Assert.Null(worker.WaitsFor);
    }

    [Fact]
    public async Task A_claim_that_only_an_operator_can_mend_fails()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        using var worker = new HubWorker(hub.Client(), TimeSource.IotHub, (_, _, _, _) => throw Refusal("42501"), new MemoryStore().ProcessAsync);

        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => worker.RunAsync(CancellationToken.None, Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel));

        Assert.Equal("42501", refused.SqlState);
    }

    [Fact]
    public async Task A_worker_that_waits_for_its_claim_can_be_stopped()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var logger = new RecordingLogger();
        using var worker = new HubWorker(
            hub.Client(logger: logger), TimeSource.IotHub, (_, _, _, _) => throw Refusal("57P03"), new MemoryStore().ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await Eventually.Is(() => logger.Texts(2016).Count > 0);

        await stop.CancelAsync();

        await running.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.Empty(worker.Partitions);
    }

    [Fact]
    public async Task Events_and_checkpoints_call_the_hub_what_the_settings_call_it()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 1);
        var claimed = "";
        var hubs = new ConcurrentQueue<(string OfEvent, string? OfCheckpoint)>();
        var store = new MemoryStore();
        using var worker = new HubWorker(
            hub.Client(settings => settings.Identity = "old.servicebus.windows.net/telemetry"),
            TimeSource.IotHub,
            (name, group, partitions, token) =>
            {
                claimed = name;
                return store.ClaimAsync(name, group, partitions, token);
            },
            (events, checkpoint, token) =>
            {
                hubs.Enqueue((events[0].Hub, checkpoint?.Partition.Hub));
                return store.ProcessAsync(events, checkpoint, token);
            });
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);

        await Task.WhenAny(store.StoredAsync(1, Cancel), running);
        await stop.CancelAsync();
        await running;

        Assert.Equal("old.servicebus.windows.net/telemetry", claimed);
        Assert.Equal([(claimed, claimed)], hubs);
    }

    [Fact]
    public async Task A_hub_made_anew_under_a_running_worker_is_read_from_its_beginning()
    {
        var store = new MemoryStore();
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        using var worker = Worker(hub.Client(), store);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await hub.SendAsync("0", 0, 100);
        await store.StoredAsync(100, Cancel);

        await hub.ReplaceAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 1_000, 150);
        await store.StoredAsync(250, Cancel);
        await stop.CancelAsync();
        await running;

        Assert.Equal([.. Numbers(0, 100), .. Numbers(1_000, 150)], store.Bodies("0"));
    }

    [Fact]
    public async Task The_status_tells_the_lag_and_the_end()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var store = new MemoryStore();
        using var worker = Worker(hub.Client(settings => settings.LagIntervalSeconds = 1), store);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await hub.SendAsync("0", 0, 40);
        await store.StoredAsync(40, Cancel);

        await Eventually.Is(() => worker.Partitions is [{ EndSequenceNumber: 39, LastSequenceNumber: 39, LagEvents: 0, IsAttached: true }]);
        Assert.Equal(TimeSpan.Zero, worker.Partitions[0].Lag);
        Assert.Equal(40, worker.Partitions[0].Accounts.Stored);
        await stop.CancelAsync();
        await running;
    }

    private static HubWorker Worker(HubClient client, MemoryStore store) =>
        new(client, TimeSource.IotHub, store.ClaimAsync, store.ProcessAsync);

    private static async Task RunUntilStoredAsync(HubClient client, MemoryStore store, int events)
    {
        using var worker = Worker(client, store);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await Task.WhenAny(store.StoredAsync(events, Cancel), running);
        await stop.CancelAsync();
        await running;
    }

    private static PostgresException Refusal(string code) => new("refused", "ERROR", "ERROR", code);

    private static List<string> Numbers(int first, int count) => [.. Enumerable.Range(first, count).Select(number => number.ToString())];
}
