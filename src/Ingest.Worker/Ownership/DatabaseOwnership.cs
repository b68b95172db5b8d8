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
public sealed class DatabaseOwnership(PartitionOwnerTable owners, string hub) : CheckpointStore
{
    /// <inheritdoc/>
    public override async Task<IEnumerable<EventProcessorPartitionOwnership>> ListOwnershipAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, CancellationToken cancellationToken)
    {
        var found = await owners.ListAsync(hub, consumerGroup, cancellationToken);
        return [.. found.Select(owner => Ownership(owner, fullyQualifiedNamespace, eventHubName))];
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
        return [.. claimed.Select(owner => Ownership(owner, first.FullyQualifiedNamespace, first.EventHubName))];
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
    private static EventProcessorPartitionOwnership Ownership(PartitionOwner owner, string fullyQualifiedNamespace, string eventHubName) => new()
    {
        FullyQualifiedNamespace = fullyQualifiedNamespace,
        EventHubName = eventHubName,
        ConsumerGroup = owner.Partition.ConsumerGroup,
        PartitionId = owner.Partition.Partition,
        OwnerIdentifier = owner.Owner,
        LastModifiedTime = TimeProvider.System.GetUtcNow() - owner.Age,
        Version = owner.Version.ToString(CultureInfo.InvariantCulture),
    };
}
