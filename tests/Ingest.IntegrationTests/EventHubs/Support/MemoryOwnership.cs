using System.Globalization;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>Who reads what, in memory, as strict as a store that workers share: a claim names the version it has seen.</summary>
internal sealed class MemoryOwnership : CheckpointStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, EventProcessorPartitionOwnership> _owners = [];
    private readonly List<PositionCopy> _copies = [];
    private int _version;
    private int _looks;
    private int _failures;

    /// <summary>Thrown by every call, while it is set.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Calls that failed.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <summary>Looks at the owners that succeeded.</summary>
    public int Looks => Volatile.Read(ref _looks);

    /// <summary>Claims that took a partition from somebody else who had it.</summary>
    public int Moves { get; private set; }

    /// <summary>How many looks there had been when a partition was first taken from somebody.</summary>
    public int LooksBeforeTheFirstMove { get; private set; }

    /// <summary>How long ago the last renewal was.</summary>
    public TimeSpan SinceTheLastRenewal
    {
        get
        {
            lock (_lock)
            {
                return TimeProvider.System.GetUtcNow() - _owners.Values.Max(owner => owner.LastModifiedTime);
            }
        }
    }

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
    public IReadOnlyList<PositionCopy> Copies
    {
        get
        {
            lock (_lock)
            {
                return [.. _copies];
            }
        }
    }

    /// <summary>Makes somebody the owner of a partition, as of some time ago, whoever has it.</summary>
    public void Put(string partition, string owner, TimeSpan age)
    {
        lock (_lock)
        {
            _owners[partition] = new EventProcessorPartitionOwnership
            {
                PartitionId = partition,
                OwnerIdentifier = owner,
                LastModifiedTime = TimeProvider.System.GetUtcNow() - age,
                Version = (++_version).ToString(CultureInfo.InvariantCulture),
            };
        }
    }

    public override Task<IEnumerable<EventProcessorPartitionOwnership>> ListOwnershipAsync(
        string fullyQualifiedNamespace, string eventHubName, string consumerGroup, CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        Interlocked.Increment(ref _looks);
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

                if (now is { OwnerIdentifier.Length: > 0 } && claim.OwnerIdentifier.Length > 0 && now.OwnerIdentifier != claim.OwnerIdentifier)
                {
                    LooksBeforeTheFirstMove = Moves++ == 0 ? Looks : LooksBeforeTheFirstMove;
                }

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
            _copies.Add(new(partitionId, startingPosition.OffsetString, startingPosition.SequenceNumber, clientIdentifier, _owners[partitionId].OwnerIdentifier));
        }

        return Task.CompletedTask;
    }

    private void ThrowIfFailing()
    {
        if (Failure is { } failure)
        {
            Interlocked.Increment(ref _failures);
            throw failure;
        }
    }
}

/// <summary>A position that was stored beside the ownership.</summary>
/// <param name="Partition">Of which partition.</param>
/// <param name="Offset">Where.</param>
/// <param name="SequenceNumber">The event's number.</param>
/// <param name="Worker">Who stored it.</param>
/// <param name="Owner">Who owned the partition then; empty for nobody.</param>
internal sealed record PositionCopy(string Partition, string? Offset, long SequenceNumber, string Worker, string Owner);
