using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// A batch of messages after decoding: readings as columns, rejections, and the count of what was ignored. Disposing gives the columns back:
/// nothing may read them afterwards.
/// </summary>
public sealed class DecodedBatch(IReadOnlyList<RawEvent> events, ReadingColumns readings, IReadOnlyList<Rejection> rejections, long ignored) : IDisposable
{
    private int _disposed;

    public IReadOnlyList<RawEvent> Events { get; } = events;

    public ReadingColumns Readings { get; } = readings;

    public IReadOnlyList<Rejection> Rejections { get; } = rejections;

    public long Ignored { get; } = ignored;

    /// <summary>Every reading of the batch, whatever became of it.</summary>
    public long Received { get; } = readings.Count + rejections.Count + ignored;

    /// <summary>Where the columns go when the batch is disposed; null frees them.</summary>
    internal ReadingColumnsPool? Pool { get; init; }

    public void Dispose()
    {
        // Given back twice, one set of columns would serve two batches at once.
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
