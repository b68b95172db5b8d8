using Ingest.Events;

namespace Ingest.Checkpoints;

/// <summary>The checkpoint moves of a flush.</summary>
internal static class CheckpointMoves
{
    /// <summary>
    /// Consecutive moves of a partition as one: from the first's start to the last's end, with the sums of their counts.
    /// </summary>
    public static IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> Merge(IEnumerable<(Checkpoint Move, ReadingCounts Counts)> moves)
    {
        var merged = new List<(Checkpoint Move, ReadingCounts Counts)>();
        var last = new Dictionary<PartitionKey, int>();
        foreach (var (move, counts) in moves)
        {
            if (last.TryGetValue(move.Partition, out var index) && GoesOn(merged[index].Move, move))
            {
                var (before, sum) = merged[index];
                merged[index] = (before with { To = move.To, Missed = before.Missed + move.Missed }, sum + counts);
            }
            else
            {
                last[move.Partition] = merged.Count;
                merged.Add((move, counts));
            }
        }

        return merged;
    }

    public static IReadOnlyCollection<PartitionKey> Partitions(IEnumerable<Checkpoint?> moves) =>
        [.. moves.Select(move => move?.Partition).OfType<PartitionKey>().Distinct()];

    /// <summary>
    /// The move whose stored checkpoint proves afterwards that all of them were committed: the last that moves at all. Null: none does.
    /// </summary>
    public static Checkpoint? ProofOfCommit(IEnumerable<Checkpoint> moves) =>
        moves.LastOrDefault(move => move.From != move.To.SequenceNumber);

    /// <summary>The moves that do not hold against the stored checkpoints, each taken after those before it.</summary>
    public static IEnumerable<Checkpoint> Refused(IEnumerable<Checkpoint> moves, IReadOnlyDictionary<PartitionKey, StoredCheckpoint> stored)
    {
        var at = stored.ToDictionary(pair => pair.Key, pair => (pair.Value.Epoch, Sequence: pair.Value.Position?.SequenceNumber));
        foreach (var move in moves)
        {
            if (at.TryGetValue(move.Partition, out var now) && now == (move.Epoch, move.From))
            {
                at[move.Partition] = (move.Epoch, move.To.SequenceNumber);
            }
            else
            {
                yield return move;
            }
        }
    }

    private static bool GoesOn(Checkpoint before, Checkpoint move) => before.Epoch == move.Epoch && move.From == before.To.SequenceNumber;
}
