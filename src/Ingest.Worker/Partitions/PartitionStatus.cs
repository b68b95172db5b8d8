using System.Text.Json.Serialization;
using Ingest.Events;

namespace Ingest.Worker.Partitions;

/// <summary>How a partition stands that this worker reads.</summary>
/// <param name="Partition">The partition's id.</param>
/// <param name="Epoch">The epoch of its checkpoint that this worker has claimed; 0 until it has.</param>
/// <param name="LastSequenceNumber">The last event made durable, by this worker or an earlier one; null where there is none.</param>
/// <param name="EndSequenceNumber">The hub's newest event, as last heard; null until it was asked.</param>
/// <param name="LagEvents">Events in the hub and not yet durable, as last heard; null until the end is known.</param>
/// <param name="Lag">Age of the last durable event while there are newer ones, else zero; null while unknown.</param>
/// <param name="Held">Events handed to the pipeline and not yet durable.</param>
/// <param name="IsAttached">Whether the hub is being read.</param>
/// <param name="Reconnects">How often reading was interrupted, as far as the client tells.</param>
/// <param name="LastError">Why it is not being read, or null.</param>
/// <param name="NeedsOperator">Whether waiting alone does not mend <paramref name="LastError"/>.</param>
/// <param name="Counts">Where the readings of this run ended, and the messages missed.</param>
public sealed record PartitionStatus(
    string Partition,
    long Epoch,
    long? LastSequenceNumber,
    long? EndSequenceNumber,
    long? LagEvents,
    TimeSpan? Lag,
    int Held,
    bool IsAttached,
    int Reconnects,
    string? LastError,
    bool NeedsOperator,
    [property: JsonPropertyName("accounts")] ReadingCounts Counts);
