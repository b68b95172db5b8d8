using Ingest.Checkpoints;
using Ingest.GroupCommit;

namespace Ingest.Write;

/// <summary>How one transaction ended, other than by an exception.</summary>
internal abstract record Attempt
{
    private Attempt()
    {
    }

    /// <summary>Everything is durable.</summary>
    public sealed record Committed(FlushOutcome Outcome) : Attempt;

    /// <summary>Rolled back: a row was there that was not expected.</summary>
    public sealed record Conflict : Attempt;

    /// <summary>Rolled back: checkpoints did not move.</summary>
    /// <param name="Stored">The checkpoints as they are now.</param>
    public sealed record Fenced(IReadOnlyDictionary<PartitionKey, StoredCheckpoint> Stored) : Attempt;

    /// <summary>Rolled back: these batches contradict what is stored.</summary>
    public sealed record Differs(IReadOnlyList<PendingBatch> Batches, int Known, int Differing) : Attempt;
}
