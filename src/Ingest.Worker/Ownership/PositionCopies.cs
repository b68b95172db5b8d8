using System.Collections.Concurrent;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;
using Ingest.Checkpoints;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Diagnostics;
using Ingest.Worker.Partitions;

namespace Ingest.Worker.Ownership;

/// <summary>
/// Copies how far partitions are durable to where the ownership is, for whoever measures the lag there (KEDA). A copy is never read back: an old
/// one makes the lag look longer, and no more. Safe for two callers.
/// </summary>
/// <param name="client">The hub.</param>
/// <param name="ownership">Where the copies go.</param>
/// <param name="worker">The worker's name for this run.</param>
internal sealed class PositionCopies(HubClient client, CheckpointStore ownership, string worker)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Position> _copied = new(StringComparer.Ordinal);

    /// <summary>Copies again and again, until cancelled.</summary>
    public async Task RunAsync(Func<IEnumerable<PartitionWorker>> partitions, CancellationToken finished)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Interval, client.Time, finished);
                await CopyAsync(partitions(), finished);
            }
        }
        catch (OperationCanceledException) when (finished.IsCancellationRequested)
        {
        }
    }

    /// <summary>Copies once more, while the partitions are still this worker's: afterwards the next owner's positions stand there.</summary>
    public async Task FinishAsync(IEnumerable<PartitionWorker> partitions, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(WorkerStore.PatienceAtTheEnd, client.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await CopyAsync(partitions, either.Token);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            WorkerLog.NotCopied(client.Logger, client.Hub, "*", "it took too long at the end");
        }
    }

    private async Task CopyAsync(IEnumerable<PartitionWorker> partitions, CancellationToken cancellationToken)
    {
        foreach (var partition in partitions)
        {
            try
            {
                await CopyAsync(partition, cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                WorkerLog.NotCopied(client.Logger, client.Hub, partition.Partition, exception.Message);
            }
        }
    }

    private async Task CopyAsync(PartitionWorker partition, CancellationToken cancellationToken)
    {
        if (partition.Progress.Last is not { } position || ReferenceEquals(position, _copied.GetValueOrDefault(partition.Partition)))
        {
            return;
        }

        await ownership.UpdateCheckpointAsync(
            client.Endpoint.Host,
            client.Endpoint.Name,
            client.Settings.ConsumerGroup,
            partition.Partition,
            worker,
            new CheckpointPosition(position.Offset, position.SequenceNumber),
            cancellationToken);
        _copied[partition.Partition] = position;
    }
}
