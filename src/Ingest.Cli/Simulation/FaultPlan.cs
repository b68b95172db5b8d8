using Ingest.Events;

namespace Ingest.Cli.Simulation;

/// <summary>Which message is which fault, and where its readings must end: one of each kind in every hundred messages.</summary>
internal static class FaultPlan
{
    private static readonly Fault[] Kinds = Enum.GetValues<Fault>();

    /// <summary>The fault of a message by its number in the run, or null. The message before a fault never is one.</summary>
    public static Fault? Of(long message)
    {
        var place = message % 100;
        return place % 10 == 5 && place / 10 < Kinds.Length ? Kinds[place / 10] : null;
    }

    /// <summary>Where the readings of a message with this fault end.</summary>
    public static ReadingCounts Expected(Fault? fault) => fault switch
    {
        null => new ReadingCounts(Received: 1, Stored: 1),
        Fault.Retransmitted => new ReadingCounts(Received: 1, Duplicate: 1),
        Fault.SameMillisecond => new ReadingCounts(Received: 1, Stored: 1, Collisions: 1),
        Fault.Array => new ReadingCounts(Received: 4, Stored: 3, Collisions: 2, DeadLettered: 1),
        Fault.Lifecycle => new ReadingCounts(Received: 1, Ignored: 1),
        _ => new ReadingCounts(Received: 1, DeadLettered: 1),
    };
}
