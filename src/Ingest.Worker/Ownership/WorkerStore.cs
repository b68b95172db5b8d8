using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;
using Ingest.Sources.EventHubs;

namespace Ingest.Worker.Ownership;

/// <summary>
/// What the client's processor asks of storage, put together: ownership from whichever store the workers share, and places to start at from
/// the worker, which claims its checkpoints in the database and proves them.
/// </summary>
/// <param name="ownership">Where the workers agree on who reads what.</param>
/// <param name="settings">Which partitions this worker may read (others are not counted when shares are made), and the pace of looks and renewals.</param>
/// <param name="startOf">Where a partition that has been claimed starts.</param>
/// <param name="givingUp">Awaited before partitions are given up: what was received of them is durable then.</param>
/// <param name="outage">Told when the shared store cannot be used, and when it can again.</param>
/// <param name="time">Times looks and pauses.</param>
internal sealed class WorkerStore(
    CheckpointStore ownership,
    HubSettings settings,
    Func<string, EventPosition> startOf,
    Func<IEnumerable<string>, CancellationToken, Task> givingUp,
    Outage outage,
    TimeProvider time) : CheckpointStore
{
    /// <summary>A store that hangs must not hold up the end of the process: what is not given up expires.</summary>
    public static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(3);

    private readonly TimeSpan _interval = TimeSpan.FromSeconds(settings.LoadBalancingIntervalSeconds);

    private readonly RenewalGrace _grace = new(
        TimeSpan.FromSeconds(settings.LoadBalancingIntervalSeconds), TimeSpan.FromSeconds(settings.OwnershipExpirySeconds), time);

    public override async Task<IEnumerable<EventProcessorPartitionOwnership>> ListOwnershipAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, CancellationToken cancellationToken)
    {
        var all = await AskAsync(
            () => ownership.ListOwnershipAsync(fullyQualifiedNamespace, eventHubName, consumerGroup, cancellationToken), cancellationToken);
        var oldest = _grace.Look();
        return [.. from owner in all
                   where settings.Partitions.Count == 0 || settings.Partitions.Contains(owner.PartitionId)
                   select oldest is { } age ? NotOlderThan(age, owner) : owner];
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
            await givingUp(wanted.Select(claim => claim.PartitionId), cancellationToken);
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

    /// <summary>Nothing: the processor resets a checkpoint whose form the hub refuses. Ours are proven, and not its to reset.</summary>
    public override Task UpdateCheckpointAsync(
        string fullyQualifiedNamespace,
        string eventHubName,
        string consumerGroup,
        string partitionId,
        string clientIdentifier,
        CheckpointPosition startingPosition,
        CancellationToken cancellationToken) => Task.CompletedTask;

    private static EventProcessorPartitionOwnership NotOlderThan(TimeSpan age, EventProcessorPartitionOwnership owner)
    {
        // By the clock that the client library compares it with: its own.
        var since = TimeProvider.System.GetUtcNow() - age;
        return owner.LastModifiedTime >= since ? owner : new EventProcessorPartitionOwnership
        {
            FullyQualifiedNamespace = owner.FullyQualifiedNamespace,
            EventHubName = owner.EventHubName,
            ConsumerGroup = owner.ConsumerGroup,
            PartitionId = owner.PartitionId,
            OwnerIdentifier = owner.OwnerIdentifier,
            LastModifiedTime = since,
            Version = owner.Version,
        };
    }

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
            // The processor asks again at once where it has too few partitions.
            outage.Begins(exception, _interval);
            await Task.Delay(_interval, time, cancellationToken);
            throw new OwnershipUnavailableException(exception.Message, exception);
        }
    }
}
