using Ingest.Checkpoints;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>
/// How one attempt at a flush ended. All but <see cref="Committed"/> are rolled back. Outages and operator's mistakes are not outcomes;
/// they are exceptions.
/// </summary>
internal abstract record FlushAttempt
{
    private FlushAttempt()
    {
    }

    /// <summary>What a failure means for the flush; null for an outage or an operator's mistake.</summary>
    public static FlushAttempt? Of(Exception exception)
    {
        var failure = PostgresFailure.Of(exception);
        return failure switch
        {
            { Kind: FailureKind.TooSlow } => new TooSlow(exception),
            _ when exception is not PostgresException => null,
            { Kind: FailureKind.Conflict } => new Conflict(failure.Sentence),
            { Kind: FailureKind.RetryAtOnce } => new LostRace(),
            { Kind: FailureKind.Poison } => new Refused(exception, MayBeAnyRow: false),
            { MayBeOneRow: true } => new Refused(exception, MayBeAnyRow: true),
            { IsDecompressionLimit: true } => new DecompressionLimit(exception),
            _ => null,
        };
    }

    /// <summary>Everything is durable.</summary>
    /// <param name="Outcome">What became of its readings.</param>
    /// <param name="AnswerWasLost">Whether an earlier attempt had committed it, and only the answer was lost.</param>
    public sealed record Committed(FlushOutcome Outcome, bool AnswerWasLost = false) : FlushAttempt;

    /// <summary>An unexpected row was already stored.</summary>
    /// <param name="What">What happened, as a sentence.</param>
    public sealed record Conflict(string What) : FlushAttempt;

    /// <summary>A deadlock or a serialization failure.</summary>
    public sealed record LostRace : FlushAttempt;

    /// <summary>Checkpoints did not move.</summary>
    /// <param name="Stored">The checkpoints as they are now.</param>
    public sealed record Fenced(IReadOnlyDictionary<PartitionKey, StoredCheckpoint> Stored) : FlushAttempt;

    /// <summary>Too many readings of these batches differ from their stored rows.</summary>
    public sealed record Differs(IReadOnlyList<FlushBatch> Batches, int Known, int Differing) : FlushAttempt;

    /// <summary>A failure that another attempt may get past.</summary>
    /// <param name="Because">What the database said.</param>
    public abstract record Failed(Exception Because) : FlushAttempt;

    /// <summary>The server refuses a value or a row, or may do so.</summary>
    /// <param name="Because">What it said.</param>
    /// <param name="MayBeAnyRow">Whether the same may be said of every row: trying them one by one tells.</param>
    public sealed record Refused(Exception Because, bool MayBeAnyRow) : Failed(Because);

    /// <summary>TimescaleDB's limit on decompressed tuples, which a transaction may lift for itself.</summary>
    public sealed record DecompressionLimit(Exception Because) : Failed(Because);

    /// <summary>A statement took too long.</summary>
    public sealed record TooSlow(Exception Because) : Failed(Because);
}
