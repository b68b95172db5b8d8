namespace Ingest.Sources.EventHubs;

/// <summary>What the sequence numbers say about messages that never arrived.</summary>
internal static class SequenceGap
{
    /// <summary>Messages missing between two events read one after the other; none where nothing was read before.</summary>
    public static long Between(long? last, long next) => last is { } number && next > number + 1 ? next - number - 1 : 0;
}
