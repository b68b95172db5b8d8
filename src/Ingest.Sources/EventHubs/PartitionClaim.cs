using Ingest.Checkpoints;
using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>A partition claimed for this worker.</summary>
/// <param name="Partition">The partition's id.</param>
/// <param name="Epoch">The owner's epoch, higher than any before.</param>
/// <param name="Position">The last event made durable; null where there is none.</param>
public sealed record PartitionClaim(string Partition, long Epoch, Position? Position);

/// <summary>Claims partitions in the checkpoint store, so that nobody who claimed them before can move their checkpoints.</summary>
public delegate Task<IReadOnlyList<PartitionClaim>> ClaimPartitions(
    string hub, string consumerGroup, IReadOnlyList<string> partitions, CancellationToken cancellationToken);

/// <summary>The pipeline's one method: returns when every reading is durable, with the checkpoint where one is given.</summary>
public delegate Task<BatchResult> ProcessEvents(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken);
