using Ingest.Events;

namespace Ingest.Write;

/// <summary>What a committed (or perhaps committed) transaction made of the batches in it.</summary>
/// <param name="Batches">Where each batch's readings ended.</param>
/// <param name="DeadLettered">Dead letters by reason code.</param>
/// <param name="Known">Readings whose key was stored before.</param>
/// <param name="StoresSomething">Whether it holds a new row or a new dead letter.</param>
/// <param name="Indistinct">Duplicates that only what is not mapped tells from their twin.</param>
/// <param name="Example">Two such messages, if any.</param>
internal sealed record FlushOutcome(
    IReadOnlyList<(FlushBatch Batch, ReadingCounts Counts)> Batches,
    IReadOnlyDictionary<string, long> DeadLettered,
    int Known,
    bool StoresSomething,
    int Indistinct = 0,
    IndistinctPair? Example = null)
{
    /// <summary>What became of the dead letters that were tried again.</summary>
    public IReadOnlyList<(FlushBatch Batch, TriedLetter Letter)> Tried { get; init; } = [];

    public IReadOnlyList<TriedLetter> TriedOf(FlushBatch batch) =>
        Tried.Count == 0 ? [] : [.. Tried.Where(tried => tried.Batch == batch).Select(tried => tried.Letter)];
}
