namespace Ingest.LocalHub.Storage;

/// <summary>
/// Offsets grow with the sequence number, yet are never equal to it (past the first), so that a client that takes one for the other is
/// found out; and they follow from it, so that a hub started where another one ended knows the offsets of that one's readers.
/// </summary>
internal static class HubOffset
{
    private const long Step = 128;

    public static long Of(long sequenceNumber) => sequenceNumber < 0 ? -1 : sequenceNumber * Step;

    /// <summary>The sequence number of the first event at this offset or after it.</summary>
    public static long SequenceNumberAtOrAfter(long offset) => offset < 0 ? 0 : (offset + Step - 1) / Step;

    /// <summary>The sequence number of the first event after this offset.</summary>
    public static long SequenceNumberAfter(long offset) => offset < 0 ? 0 : (offset / Step) + 1;
}
