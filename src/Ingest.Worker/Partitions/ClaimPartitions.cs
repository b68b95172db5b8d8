using Ingest.Checkpoints;

namespace Ingest.Worker.Partitions;

/// <summary>
/// Claims partitions, so that nobody who claimed them before can move their checkpoints: <see cref="CheckpointTable.ClaimAsync"/>.
/// </summary>
public delegate Task<IReadOnlyList<StoredCheckpoint>> ClaimPartitions(
    string hub, string consumerGroup, IReadOnlyCollection<string> partitions, CancellationToken cancellationToken);
