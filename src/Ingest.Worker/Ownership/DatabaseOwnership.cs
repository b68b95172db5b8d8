using System.Globalization;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;
using Ingest.Checkpoints;

namespace Ingest.Worker.Ownership;

/// <summary>
/// Ownership of partitions in the database (<see cref="PartitionOwnerTable"/>), for workers that have no other storage to share.
/// </summary>
/// <param name="owners">The table.</param>
/// <param name="hub">What the hub is called, whatever its host is called today.</param>
/// <param name="unseenAfter">
/// How long without a look at the table before the others' ages say nothing: after an outage nobody has renewed, and each is given the time to.
/// </param>
/// <param name="expiry">After how long without renewal a partition is free.</param>
/// <param name="time">Times the looks.</param>
public sealed class DatabaseOwnership(PartitionOwnerTable owners, string hub, TimeSpan unseenAfter, TimeSpan expiry, TimeProvider time) : CheckpointStore
{
    private readonly Lock _lock = new();
    private long? _lastLook;
    private long? _graceSince;
    private TimeSpan _grace;

    /// <inheritdoc/>
    public override async Task<IEnumerable<EventProcessorPartitionOwnership>> ListOwnershipAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, CancellationToken cancellationToken)
    {
        var found = await owners.ListAsync(hub, consumerGroup, cancellationToken);
        var oldest = OldestBelieved();
        return [.. found.Select(owner => Ownership(owner, fullyQualifiedNamespace, eventHubName, oldest))];
    }

    /// <inheritdoc/>
    public override async Task<IEnumerable<EventProcessorPartitionOwnership>> ClaimOwnershipAsync(
        IEnumerable<EventProcessorPartitionOwnership> desiredOwnership, CancellationToken cancellationToken)
    {
        var wanted = desiredOwnership.ToList();
        if (wanted.Count == 0)
        {
            return [];
        }

        var first = wanted[0];
        var claims = wanted.ConvertAll(claim => new OwnerClaim(
            claim.PartitionId, claim.OwnerIdentifier, claim.Version is { } version ? long.Parse(version, CultureInfo.InvariantCulture) : null));
        var claimed = await owners.ClaimAsync(hub, first.ConsumerGroup, claims, cancellationToken);
        return [.. claimed.Select(owner => Ownership(owner, first.FullyQualifiedNamespace, first.EventHubName, TimeSpan.MaxValue))];
    }

    /// <summary>None: the worker claims and proves its checkpoints itself.</summary>
    public override Task<EventProcessorCheckpoint> GetCheckpointAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, string partitionId, CancellationToken cancellationToken) =>
        Task.FromResult<EventProcessorCheckpoint>(null!);

    /// <summary>Nothing: checkpoints move in the transactions that store the rows.</summary>
    public override Task UpdateCheckpointAsync(
        string fullyQualifiedNamespace,
        string eventHubName,
        string consumerGroup,
        string partitionId,
        string clientIdentifier,
        CheckpointPosition startingPosition,
        CancellationToken cancellationToken) => Task.CompletedTask;

    // The age as the database tells it, in terms of the clock that the client library compares it with: its own.
    private static EventProcessorPartitionOwnership Ownership(PartitionOwner owner, string fullyQualifiedNamespace, string eventHubName, TimeSpan oldest) => new()
    {
        FullyQualifiedNamespace = fullyQualifiedNamespace,
        EventHubName = eventHubName,
        ConsumerGroup = owner.Partition.ConsumerGroup,
        PartitionId = owner.Partition.Partition,
        OwnerIdentifier = owner.Owner,
        LastModifiedTime = TimeProvider.System.GetUtcNow() - (owner.Age < oldest ? owner.Age : oldest),
        Version = owner.Version.ToString(CultureInfo.InvariantCulture),
    };

    private TimeSpan OldestBelieved()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_lastLook is null)
            {
                // A worker that starts when an outage ends must not be faster than those who have not renewed yet.
                (_graceSince, _grace) = (now, unseenAfter);
            }
            else if (time.GetElapsedTime(_lastLook.Value, now) > unseenAfter)
            {
                (_graceSince, _grace) = (now, expiry);
            }

            _lastLook = now;
            if (_graceSince is not { } since)
            {
                return TimeSpan.MaxValue;
            }

            var grace = time.GetElapsedTime(since, now);
            if (grace < _grace)
            {
                return grace;
            }

            _graceSince = null;
            return TimeSpan.MaxValue;
        }
    }
}
