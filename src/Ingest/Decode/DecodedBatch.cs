using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>A batch of messages after decoding: readings as columns, rejections, and the count of what was ignored.</summary>
public sealed class DecodedBatch(IReadOnlyList<RawEvent> events, ReadingColumns readings, IReadOnlyList<Rejection> rejections, long ignored) : IDisposable
{
    public IReadOnlyList<RawEvent> Events { get; } = events;

    public ReadingColumns Readings { get; } = readings;

    public IReadOnlyList<Rejection> Rejections { get; } = rejections;

    public long Ignored { get; } = ignored;

    /// <summary>Every reading of the batch, whatever became of it.</summary>
    public long Received => Readings.Count + Rejections.Count + Ignored;

    public void Dispose() => Readings.Dispose();
}
