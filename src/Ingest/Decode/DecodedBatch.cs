using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// A batch of messages after decoding, or as much of it as fits into one transaction: readings as columns, rejections, and the counts of
/// what was ignored or is counted only. Disposing gives the columns back: nothing may read them afterwards.
/// </summary>
public sealed class DecodedBatch(
    IReadOnlyList<RawEvent> events, ReadingColumns readings, IReadOnlyList<Rejection> rejections, long ignored) : IDisposable
{
    private int _disposed;

    /// <summary>All messages of the batch.</summary>
    public IReadOnlyList<RawEvent> Events { get; } = events;

    /// <summary>The index of the first message that was decoded.</summary>
    public int FirstIndex { get; init; }

    /// <summary>The index after the last one; the batch's messages from here on are not decoded yet.</summary>
    public int EndIndex { get; init; } = events.Count;

    public ReadingColumns Readings { get; } = readings;

    public IReadOnlyList<Rejection> Rejections { get; } = rejections;

    /// <summary>Rejections that are counted only.</summary>
    public IReadOnlyList<RejectionCount> Counts { get; init; } = [];

    public long Ignored { get; } = ignored;

    /// <summary>Bytes of the bodies, and of the text and JSON that was taken from them.</summary>
    public long Bytes { get; init; }

    /// <summary>Whether some of the messages come from the dead letters (<see cref="RawEvent.Retrial"/>).</summary>
    public bool HasRetrials { get; init; }

    /// <summary>Every reading of the messages, whatever became of it.</summary>
    public long Received => Readings.Count + Rejections.Count + Counts.Sum(count => (long)count.Count) + Ignored;

    /// <summary>Where the columns go when the batch is disposed; null frees them.</summary>
    internal ReadingColumnsPool? Pool { get; init; }

    public void Dispose()
    {
        // If it were given back twice, two batches would share one set of columns.
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        if (Pool is null)
        {
            Readings.Dispose();
        }
        else
        {
            Pool.Return(Readings);
        }
    }
}
