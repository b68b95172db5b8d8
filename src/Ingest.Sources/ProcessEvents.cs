using Ingest.Checkpoints;
using Ingest.Events;

namespace Ingest.Sources;

/// <summary>
/// Returns when every reading is durable, with the checkpoint where one is given: <see cref="IngestPipeline.ProcessAsync"/>. A partition's
/// calls are made in its order; the next may be made before the last has returned.
/// </summary>
public delegate Task<BatchResult> ProcessEvents(
    IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken);
