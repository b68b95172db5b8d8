using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;

namespace Ingest.Worker.Ownership;

/// <summary>
/// What the client's processor asks of storage, put together: ownership from whichever store the workers share, and places to start at from
/// the worker, which claims its checkpoints in the database and proves them. Positions are copied to the shared store for whoever measures the
/// lag there (KEDA), and never read back.
/// </summary>
/// <param name="ownership">Where the workers agree on who reads what.</param>
/// <param name="partitions">The partitions that this worker may read; empty for all. Others are not counted when shares are made.</param>
/// <param name="startOf">Where a partition that has been claimed starts.</param>
/// <param name="drain">Awaited before partitions are given up: what was received of them is durable then.</param>
/// <param name="outage">Told when the shared store cannot be used, and when it can again.</param>
/// <param name="retryDelay">How long a failed call is held up, as the processor asks again at once where it has too few partitions.</param>
/// <param name="time">Times that.</param>
internal sealed class WorkerStore(
    CheckpointStore ownership,
    IList<string> partitions,
    Func<string, EventPosition> startOf,
    Func<CancellationToken, Task> drain,
    Outage outage,
    TimeSpan retryDelay,
    TimeProvider time) : CheckpointStore
{
    /// <summary>A store that hangs must not hold up the end of the process: what is not given up expires.</summary>
    public static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(3);

    public override async Task<IEnumerable<EventProcessorPartitionOwnership>> ListOwnershipAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, CancellationToken cancellationToken)
    {
        var all = await AskAsync(
            () => ownership.ListOwnershipAsync(fullyQualifiedNamespace, eventHubName, consumerGroup, cancellationToken), cancellationToken);
        return partitions.Count == 0 ? all : [.. all.Where(owner => partitions.Contains(owner.PartitionId))];
    }

    public override async Task<IEnumerable<EventProcessorPartitionOwnership>> ClaimOwnershipAsync(
        IEnumerable<EventProcessorPartitionOwnership> desiredOwnership, CancellationToken cancellationToken)
    {
        var wanted = desiredOwnership.ToList();
        if (wanted.Count == 0)
        {
            return [];
        }

        if (wanted.TrueForAll(claim => claim.OwnerIdentifier.Length == 0))
        {
            await drain(cancellationToken);
            using var patience = new CancellationTokenSource(PatienceAtTheEnd, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
            return await ownership.ClaimOwnershipAsync(wanted, either.Token);
        }

        return await AskAsync(() => ownership.ClaimOwnershipAsync(wanted, cancellationToken), cancellationToken);
    }

    public override Task<EventProcessorCheckpoint> GetCheckpointAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, string partitionId, CancellationToken cancellationToken) =>
        Task.FromResult(new EventProcessorCheckpoint
        {
            FullyQualifiedNamespace = fullyQualifiedNamespace,
            EventHubName = eventHubName,
            ConsumerGroup = consumerGroup,
            PartitionId = partitionId,
            StartingPosition = startOf(partitionId),
        });

    public override Task UpdateCheckpointAsync(
        string fullyQualifiedNamespace,
        string eventHubName,
        string consumerGroup,
        string partitionId,
        string clientIdentifier,
        CheckpointPosition startingPosition,
        CancellationToken cancellationToken) =>
        // The processor resets a checkpoint whose form the hub refuses. Ours are proven, and not its to reset.
        startingPosition.OffsetString is null
            ? Task.CompletedTask
            : ownership.UpdateCheckpointAsync(
                fullyQualifiedNamespace, eventHubName, consumerGroup, partitionId, clientIdentifier, startingPosition, cancellationToken);

    private async Task<IEnumerable<EventProcessorPartitionOwnership>> AskAsync(
        Func<Task<IEnumerable<EventProcessorPartitionOwnership>>> ask, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await ask();
            outage.Ends();
            return answer;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            outage.Begins(exception, retryDelay);
            await Task.Delay(retryDelay, time, cancellationToken);
            throw new OwnershipUnavailableException(exception.Message, exception);
        }
    }
}
