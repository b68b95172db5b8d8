namespace Ingest.Checkpoints;

/// <summary>A partition's checkpoint is no longer this owner's to move: nothing of the batch was stored, and nothing more may be read as this owner.</summary>
public sealed class CheckpointFencedException : Exception
{
    public CheckpointFencedException(Checkpoint move, StoredCheckpoint? stored)
        : base(Describe(move, stored))
    {
        Move = move;
        Stored = stored;
    }

    /// <summary>The move that was refused.</summary>
    public Checkpoint Move { get; }

    /// <summary>The checkpoint as it is stored; null where there is none.</summary>
    public StoredCheckpoint? Stored { get; }

    /// <summary>Whether a newer owner has claimed the partition. Otherwise the checkpoint stands elsewhere than this owner had read.</summary>
    public bool HasNewerOwner => Stored is not null && Stored.Epoch > Move.Epoch;

    private static string Describe(Checkpoint move, StoredCheckpoint? stored)
    {
        ArgumentNullException.ThrowIfNull(move);
        var partition = $"Partition {move.Partition.Partition} of {move.Partition.Hub} (consumer group {move.Partition.ConsumerGroup})";
        if (stored is null)
        {
            return $"{partition} has no checkpoint any more: its row was deleted while epoch {move.Epoch} was reading.";
        }

        return stored.Epoch == move.Epoch
            ? $"{partition}: the checkpoint stands at {stored.Position?.SequenceNumber.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "the start"}, not where this batch begins ({move.From?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "the start"})."
            : $"{partition} belongs to epoch {stored.Epoch} now; this reader has epoch {move.Epoch} and must stop.";
    }
}
