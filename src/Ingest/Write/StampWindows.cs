using Ingest.Events;

namespace Ingest.Write;

/// <summary>A stretch of time to read: from <paramref name="Start"/> on, before <paramref name="End"/>.</summary>
internal readonly record struct StampWindow(Instant Start, Instant End);

/// <summary>
/// Says which stretches of time a flush must read to see every stored row of its stamps. One old reading, or a partition a week behind, must
/// not make it read the week: the stretches end at the widest gaps between the stamps.
/// </summary>
internal static class StampWindows
{
    /// <summary>Most stretches of one flush; each is a statement of its own in the same round trip.</summary>
    public const int Most = 16;

    /// <summary>A gap narrower than this, in microseconds, is read through: 250 ms.</summary>
    public const long NarrowestGap = 250_000;

    /// <param name="stamps">The stamps; sorted by this call.</param>
    public static IReadOnlyList<StampWindow> Cover(Span<Instant> stamps)
    {
        if (stamps.IsEmpty)
        {
            return [];
        }

        stamps.Sort();
        var gaps = new PriorityQueue<int, long>();
        for (var index = 1; index < stamps.Length; index++)
        {
            var gap = stamps[index].Microseconds - stamps[index - 1].Microseconds;
            if (gap >= NarrowestGap)
            {
                gaps.Enqueue(index, gap);
                if (gaps.Count == Most)
                {
                    gaps.Dequeue();
                }
            }
        }

        var cuts = gaps.UnorderedItems.Select(item => item.Element).Order().ToArray();
        var windows = new StampWindow[cuts.Length + 1];
        var start = 0;
        for (var window = 0; window < windows.Length; window++)
        {
            var end = window < cuts.Length ? cuts[window] : stamps.Length;
            windows[window] = new StampWindow(stamps[start], stamps[end - 1].AddMicroseconds(Instant.PerMillisecond));
            start = end;
        }

        return windows;
    }
}
