using Azure.Core;
using Ingest.Diagnostics;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

/// <summary>How a worker ends: told to stop, told to abandon, or by an error.</summary>
public sealed class HubWorkerEndTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_handed_over_is_stored_before_a_stopped_worker_gives_its_partitions_up()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 50);
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (store, ownership) = (new MemoryStore { Gate = (_, token) => open.Task.WaitAsync(token) }, new MemoryOwnership());
        await using var worker = RunningWorker.Start(hub.Client(), store, ownership);
        await Eventually.IsTrueAsync(() => worker.Partitions is [{ Held: > 0 }]);
        var held = worker.Partitions[0].Held;

        worker.RequestStop();
        await Eventually.IsTrueAsync(() => worker.Partitions.Count == 0);
        Assert.False(worker.Running.IsCompleted);
        Assert.Equal(worker.Worker.Name, ownership.Owners["0"]);
        open.SetResult();
        await worker.StopAsync();

        Assert.Equal(held, store.Bodies("0").Count);
        Assert.Equal(held - 1, store.Position("0")?.SequenceNumber);
        Assert.Empty(ownership.Owners);
    }

    [Fact]
    public async Task Abandoning_gives_up_what_is_not_stored()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 10);
        var store = new MemoryStore { Gate = (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) };
        await using var worker = RunningWorker.Start(hub.Client(), store);
        await Eventually.IsTrueAsync(() => worker.Partitions is [{ Held: > 0 }]);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(worker.AbandonAsync);
        Assert.Null(store.Position("0"));
    }

    [Fact]
    public async Task What_the_pipeline_cannot_go_on_with_ends_the_worker()
    {
        await using var hub = await TestHub.StartAsync(partitions: 2);
        await hub.SendAsync("0", 0, 10);
        var store = new MemoryStore { Gate = (_, _) => throw new InvalidDataException("the mapping has changed") };
        await using var worker = RunningWorker.Start(hub.Client(), store);

        await Assert.ThrowsAsync<InvalidDataException>(() => worker.Running.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
    }

    [Fact]
    public async Task What_ends_the_worker_does_not_wait_for_batches_that_a_database_keeps_waiting()
    {
        await using var hub = await TestHub.StartAsync(partitions: 2);
        await hub.SendAsync("0", 0, 10);
        var failing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new MemoryStore
        {
            Gate = async (events, token) =>
            {
                await (events[0].Partition == "0" ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : failing.Task);
                throw new InvalidDataException("the mapping has changed");
            },
        };
        await using var worker = RunningWorker.Start(hub.Client(), store);
        await Eventually.IsTrueAsync(() => worker.Partitions.Any(partition => partition is { Partition: "0", Held: > 0 }));
        await hub.SendAsync("1", 0, 10);

        failing.SetResult();

        await Assert.ThrowsAsync<InvalidDataException>(() => worker.Running.WaitAsync(TimeSpan.FromSeconds(15), Cancel));
        Assert.Null(store.Position("0"));
    }

    [Fact]
    public async Task Abandoning_does_not_wait_for_a_token_that_does_not_come()
    {
        var identity = new SilentIdentity();
        await using var client = new HubClient(
            new HubSettings { FullyQualifiedNamespace = "localhost", Name = "telemetry" },
            TimeProvider.System,
            new RecordingLogger(),
            identity);
        await using var worker = RunningWorker.Start(client, new MemoryStore());
        await identity.Asked.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        worker.RequestStop();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(worker.AbandonAsync);
    }

    [Fact]
    public async Task A_worker_that_waits_for_its_claim_can_be_stopped()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        var logger = new RecordingLogger();
        await using var worker =
            RunningWorker.Start(hub.Client(logger: logger), new MemoryStore(), claim: (_, _, _, _) => throw new NpgsqlException("away"));
        await Eventually.IsTrueAsync(() => logger.Texts(LogEventIds.NotClaimed).Count > 0);

        await worker.StopAsync();

        Assert.Empty(worker.Partitions);
    }

    private sealed class SilentIdentity : TokenCredential
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
            throw new NotSupportedException();
        }
    }
}
