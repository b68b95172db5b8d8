namespace Ingest.Write;

/// <summary>A COMMIT that got no answer.</summary>
/// <param name="Outcome">What it made, if it was carried out.</param>
/// <param name="TransactionId">The server's id of the transaction; null where its checkpoints tell.</param>
internal sealed record UnknownCommit(FlushOutcome Outcome, string? TransactionId);

/// <summary>What the attempts at a flush have learned about it so far.</summary>
internal sealed class FlushHistory
{
    /// <summary>A statement is not made smaller than this, in rows.</summary>
    public const int FewestStatementRows = 100;

    private const int MostStatementRows = 20_000;

    /// <summary>Rows found to be refused by the server.</summary>
    public Refusals Refused { get; } = new();

    /// <summary>Attempts whose COMMIT got no answer, oldest first.</summary>
    public List<UnknownCommit> Unknown { get; } = [];

    /// <summary>
    /// An attempt that was committed, according to the server. One more comparison confirms it: the stored rows decide, not the id alone.
    /// </summary>
    public UnknownCommit? Presumed { get; set; }

    /// <summary>Whether to lift TimescaleDB's limit on decompressed tuples for the transaction.</summary>
    public bool LiftDecompressionLimit { get; set; }

    /// <summary>Most rows in one statement: 20,000, and fewer once one was too slow. A single batch can hold far more.</summary>
    public int StatementRows { get; private set; } = MostStatementRows;

    /// <summary>A statement took too long: those of the next attempt are half as large.</summary>
    public void HalveStatements(int rows) => StatementRows = Math.Max(FewestStatementRows, Math.Min(StatementRows, rows) / 2);
}
