namespace Ingest.LocalHub.Storage;

/// <param name="First">The sequence number of the oldest event retained; where none is, the next one's.</param>
/// <param name="Last">The sequence number of the newest event there was; one less than the first one's before there was any.</param>
/// <param name="LastTime">Its stamp in milliseconds since 1970; 0 before there was any.</param>
/// <param name="Bytes">The bytes of the events retained.</param>
/// <param name="HoldsSenders">Whether a sender waits for room.</param>
internal readonly record struct PartitionState(long First, long Last, long LastTime, long Bytes, bool HoldsSenders)
{
    public bool IsEmpty => Last < First;
}
