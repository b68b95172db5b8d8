using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub;

/// <summary>A partition of a <see cref="LocalEventHub"/> at some moment.</summary>
/// <param name="Id">The partition's id.</param>
/// <param name="FirstSequenceNumber">The oldest event's sequence number; where none is retained, the next one's.</param>
/// <param name="LastSequenceNumber">The newest event's; one less than the first one's before there was any.</param>
/// <param name="Bytes">The bytes of the events retained.</param>
/// <param name="HoldsSenders">Whether a sender waits for a reader to make room.</param>
public sealed record LocalHubPartition(string Id, long FirstSequenceNumber, long LastSequenceNumber, long Bytes, bool HoldsSenders)
{
    internal static LocalHubPartition Of(PartitionLog log)
    {
        var state = log.State;
        return new LocalHubPartition(log.Partition, state.First, state.Last, state.Bytes, state.HoldsSenders);
    }
}
