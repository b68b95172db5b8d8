using Ingest.Checkpoints;
using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>Claims partitions, so that nobody who claimed them before can move their checkpoints: <see cref="CheckpointStore.ClaimAsync"/>.</summary>
public delegate Task<IReadOnlyList<StoredCheckpoint>> ClaimPartitions(
    string hub, string consumerGroup, IReadOnlyCollection<string> partitions, CancellationToken cancellationToken);

/// <summary>
/// Returns when every reading is durable, with the checkpoint where one is given: <see cref="IngestPipeline.ProcessAsync"/>. A partition's calls
/// are made in its order, the next one before the last has returned.
/// </summary>
public delegate Task<BatchResult> ProcessEvents(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken);
