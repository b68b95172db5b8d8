using Azure.Messaging.EventHubs.Primitives;
using Ingest.Events;
using Ingest.Sources.EventHubs;
using Ingest.Worker;
using Ingest.Worker.Partitions;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>A worker that reads a test's hub into memory until it is stopped.</summary>
internal sealed class RunningWorker : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abandon = new();

    private RunningWorker(HubWorker worker)
    {
        Worker = worker;
        Running = worker.RunAsync(_stop.Token, _abandon.Token);
    }

    public HubWorker Worker { get; }

    public Task Running { get; }

    public IReadOnlyList<PartitionStatus> Partitions => Worker.Partitions;

    public static RunningWorker Start(
        HubClient client, MemoryStore store, CheckpointStore? ownership = null, ClaimPartitions? claim = null) =>
        new(new HubWorker(client, EventFields.Default, claim ?? store.ClaimAsync, store.ProcessAsync, ownership ?? new MemoryOwnership()));

    /// <summary>Reads until so many events are stored, and stops.</summary>
    public static async Task UntilStoredAsync(HubClient client, MemoryStore store, int events)
    {
        await using var worker = Start(client, store);
        await worker.StoredAsync(store, events);
        await worker.StopAsync();
    }

    /// <summary>Awaits that this many events have been stored in all; the worker's own end ends the wait.</summary>
    public async Task StoredAsync(MemoryStore store, int events)
    {
        if (await Task.WhenAny(store.StoredAsync(events, TestContext.Current.CancellationToken), Running) is var first && first == Running)
        {
            await Running;
            Assert.Fail("The worker has ended.");
        }

        await first;
    }

    public void RequestStop() => _stop.Cancel();

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Running.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    public async Task AbandonAsync()
    {
        await _stop.CancelAsync();
        await _abandon.CancelAsync();
        await Running.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _abandon.CancelAsync();

        // One that does not end has failed its test, which must be told.
        await Running.WaitAsync(TimeSpan.FromSeconds(30)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Worker.Dispose();
        _stop.Dispose();
        _abandon.Dispose();
    }
}
