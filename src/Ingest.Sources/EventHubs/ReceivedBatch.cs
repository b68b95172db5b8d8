using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>Events of a partition, in order.</summary>
/// <param name="Events">At least one.</param>
/// <param name="NumberingRestarted">
/// The hub no longer knew what was read last, so reading went on by time: the first event's sequence number says nothing about what came before.
/// </param>
internal sealed record ReceivedBatch(IReadOnlyList<RawEvent> Events, bool NumberingRestarted);
