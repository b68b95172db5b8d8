namespace Ingest.TestSupport.Faults;

/// <summary>How a worker was made to leave.</summary>
public enum StopKind
{
    /// <summary>SIGKILL.</summary>
    Kill,

    /// <summary>SIGTERM.</summary>
    Terminate,
}

/// <summary>A worker that was made to leave.</summary>
/// <param name="Number">Its place among the round's.</param>
/// <param name="Kind">How.</param>
/// <param name="IsAlone">Whether all was well before, and nobody else was stopped until its partitions were read again.</param>
public sealed record WorkerStop(int Number, StopKind Kind, bool IsAlone);

/// <summary>A time in which no living worker read a partition.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Cause">
/// The stop of the worker that had read it; null where it went from one living worker to another, or was interrupted.
/// </param>
/// <param name="Seconds">How long: from the last answer that named a reader to the first that did again.</param>
/// <param name="InOutage">Whether the database was away in it.</param>
public sealed record ReaderGap(string Partition, WorkerStop? Cause, double Seconds, bool InOutage);

/// <summary>How long partitions were without a reader: of each stop that which waited longest; of what no stop caused, each.</summary>
/// <param name="Count">How many stops, or times.</param>
/// <param name="MedianSeconds">The median over them.</param>
/// <param name="MaxSeconds">The longest.</param>
public sealed record GapFigures(int Count, double MedianSeconds, double MaxSeconds)
{
    /// <param name="gaps">The gaps; those in outages are left out.</param>
    public static GapFigures Of(IEnumerable<ReaderGap> gaps)
    {
        var longest = gaps.Where(gap => !gap.InOutage)
            .GroupBy(gap => (object?)gap.Cause ?? gap, gap => gap.Seconds)
            .Select(stop => stop.Max())
            .Order()
            .ToList();
        return new GapFigures(longest.Count, longest.Count == 0 ? 0 : longest[longest.Count / 2], longest.LastOrDefault());
    }
}
