namespace Ingest.Events;

/// <summary>A batch whose every reading is durable.</summary>
/// <param name="Counts">Where its readings ended.</param>
/// <param name="CommittedAt">When the transaction that made the last of them durable had committed, by the local clock, UTC.</param>
public sealed record BatchResult(ReadingCounts Counts, DateTimeOffset CommittedAt)
{
    /// <summary>What became of the dead letters that were tried again.</summary>
    internal IReadOnlyList<TriedLetter> Tried { get; init; } = [];
}
