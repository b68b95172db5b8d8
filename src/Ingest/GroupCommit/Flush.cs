using Ingest.Events;
using Ingest.Write;

namespace Ingest.GroupCommit;

/// <summary>What a committed (or perhaps committed) transaction made of the batches in it.</summary>
/// <param name="Batches">Where each batch's readings ended.</param>
/// <param name="DeadLettered">Dead letters by reason code.</param>
/// <param name="Known">Readings whose key was stored before.</param>
/// <param name="StoresSomething">Whether it holds a new row or a new dead letter.</param>
internal sealed record FlushOutcome(
    IReadOnlyList<(PendingBatch Batch, Accounts Accounts)> Batches,
    IReadOnlyDictionary<string, long> DeadLettered,
    int Known,
    bool StoresSomething);

/// <summary>A COMMIT that got no answer.</summary>
/// <param name="Outcome">What it made, if it was carried out.</param>
/// <param name="TransactionId">The server's id of the transaction; null where its checkpoints tell.</param>
internal sealed record UnknownCommit(FlushOutcome Outcome, string? TransactionId);

/// <summary>Batches that are written in one transaction, and what was learnt about them in the attempts so far.</summary>
internal sealed class Flush : IDisposable
{
    /// <summary>A statement is not made smaller than this, in rows.</summary>
    public const int FewestStatementRows = 100;

    private const int MostStatementRows = 20_000;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _abandoned;
    private readonly Action _underWay;
    private int _waiting;
    private bool _paused;
    private bool _disposed;

    /// <param name="batches">The batches.</param>
    /// <param name="underWay">Told when an attempt first waits for the server to do its work.</param>
    /// <param name="stop">Abandons it.</param>
    public Flush(IReadOnlyList<PendingBatch> batches, Action underWay, CancellationToken stop)
    {
        _underWay = underWay;
        _abandoned = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _waiting = batches.Count;
        Batches = [.. batches];
        foreach (var batch in batches)
        {
            batch.Join(CancelledOne);
        }
    }

    public List<PendingBatch> Batches { get; }

    /// <summary>Rows found to be refused by the server.</summary>
    public Refusals Refused { get; } = new();

    /// <summary>Attempts whose COMMIT got no answer, oldest first.</summary>
    public List<UnknownCommit> Unknown { get; } = [];

    /// <summary>An attempt that the server says was carried out. One more comparison confirms it: what is stored decides, not the id alone.</summary>
    public UnknownCommit? Presumed { get; set; }

    /// <summary>Whether to lift TimescaleDB's limit on decompressed tuples for the transaction.</summary>
    public bool LiftDecompressionLimit { get; set; }

    /// <summary>Most rows in one statement: 20,000, and fewer once one was too slow. A single batch can hold far more.</summary>
    public int StatementRows { get; set; } = MostStatementRows;

    public int Rows => Batches.Sum(batch => batch.Rows);

    /// <summary>Cancelled when nobody waits for the flush any more, or the pipeline stops.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    /// <summary>The attempt waits for the server to do its work.</summary>
    public void IsUnderWay() => _underWay();

    /// <summary>An attempt begins: from now on a batch stays until it ends, as the attempt reads its buffers.</summary>
    public void Resume()
    {
        lock (_gate)
        {
            _paused = false;
            DropCancelled();
        }
    }

    /// <summary>An attempt has failed: a caller that cancels now is let go at once.</summary>
    public void Pause()
    {
        lock (_gate)
        {
            _paused = true;
            DropCancelled();
        }
    }

    /// <summary>Lets the batches go whose callers have cancelled; what is known of them is that they were not committed, or nothing.</summary>
    public void DropCancelled()
    {
        foreach (var batch in Batches.Where(batch => batch.CancellationToken.IsCancellationRequested).ToArray())
        {
            Drop(batch);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _abandoned.Dispose();
        }
    }

    private void Drop(PendingBatch batch)
    {
        Batches.Remove(batch);
        batch.Completion.TrySetCanceled(batch.CancellationToken);
    }

    private void CancelledOne(PendingBatch batch)
    {
        lock (_gate)
        {
            if (_paused)
            {
                Drop(batch);
            }

            if (--_waiting == 0 && !_disposed)
            {
                _abandoned.Cancel();
            }
        }
    }
}
