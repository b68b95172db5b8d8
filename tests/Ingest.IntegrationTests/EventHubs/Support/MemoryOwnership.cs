using System.Globalization;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>Who reads what, in memory, as strict as a store that workers share: a claim names the version it has seen.</summary>
internal sealed class MemoryOwnership : CheckpointStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, EventProcessorPartitionOwnership> _owners = [];
    private readonly List<(string Partition, string? Offset, long SequenceNumber)> _copies = [];
    private int _version;

    /// <summary>Thrown by every call, while it is set.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Claims that took a partition from somebody else who had it.</summary>
    public int Moves { get; private set; }

    /// <summary>The owner of each partition that has one.</summary>
    public IReadOnlyDictionary<string, string> Owners
    {
        get
        {
            lock (_lock)
            {
                return _owners.Values.Where(owner => owner.OwnerIdentifier.Length > 0).ToDictionary(owner => owner.PartitionId, owner => owner.OwnerIdentifier);
            }
        }
    }

    /// <summary>The positions stored beside the ownership.</summary>
    public IReadOnlyList<(string Partition, string? Offset, long SequenceNumber)> Copies
    {
        get
        {
            lock (_lock)
            {
                return [.. _copies];
            }
        }
    }

    public override Task<IEnumerable<EventProcessorPartitionOwnership>> ListOwnershipAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        lock (_lock)
        {
            return Task.FromResult<IEnumerable<EventProcessorPartitionOwnership>>([.. _owners.Values]);
        }
    }

    public override Task<IEnumerable<EventProcessorPartitionOwnership>> ClaimOwnershipAsync(
        IEnumerable<EventProcessorPartitionOwnership> desiredOwnership, CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        List<EventProcessorPartitionOwnership> claimed = [];
        lock (_lock)
        {
            foreach (var claim in desiredOwnership)
            {
                var now = _owners.GetValueOrDefault(claim.PartitionId);
                if (now?.Version != claim.Version)
                {
                    continue;
                }

                Moves += now is { OwnerIdentifier.Length: > 0 } && claim.OwnerIdentifier.Length > 0 && now.OwnerIdentifier != claim.OwnerIdentifier ? 1 : 0;
                claimed.Add(_owners[claim.PartitionId] = new EventProcessorPartitionOwnership
                {
                    FullyQualifiedNamespace = claim.FullyQualifiedNamespace,
                    EventHubName = claim.EventHubName,
                    ConsumerGroup = claim.ConsumerGroup,
                    PartitionId = claim.PartitionId,
                    OwnerIdentifier = claim.OwnerIdentifier,
                    LastModifiedTime = TimeProvider.System.GetUtcNow(),
                    Version = (++_version).ToString(CultureInfo.InvariantCulture),
                });
            }
        }

        return Task.FromResult<IEnumerable<EventProcessorPartitionOwnership>>(claimed);
    }

    public override Task<EventProcessorCheckpoint> GetCheckpointAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, string partitionId, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("A place to start at is never taken from here.");

    public override Task UpdateCheckpointAsync(
        string fullyQualifiedNamespace,
        string eventHubName,
        string consumerGroup,
        string partitionId,
        string clientIdentifier,
        CheckpointPosition startingPosition,
        CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        lock (_lock)
        {
            _copies.Add((partitionId, startingPosition.OffsetString, startingPosition.SequenceNumber));
        }

        return Task.CompletedTask;
    }

    private void ThrowIfFailing()
    {
        if (Failure is { } failure)
        {
            throw failure;
        }
    }
}
