namespace Ingest.Write;

/// <summary>Batches that are written in one transaction, as long as a caller waits for them.</summary>
internal sealed class Flush : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _abandoned;
    private readonly Action _underWay;
    private int _waiting;
    private bool _paused;
    private bool _disposed;

    /// <param name="batches">The batches.</param>
    /// <param name="underWay">Told when an attempt first waits for the server to do its work.</param>
    /// <param name="stop">Abandons it.</param>
    public Flush(IReadOnlyList<FlushBatch> batches, Action underWay, CancellationToken stop)
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

    public List<FlushBatch> Batches { get; }

    /// <summary>Whether some of its messages come from the dead letters: what is stored is compared then.</summary>
    public bool HasRetrials => Batches.Exists(batch => batch.Ready.HasRetrials);

    /// <summary>What the attempts at it have learned.</summary>
    public FlushHistory History { get; } = new();

    public int Rows => Batches.Sum(batch => batch.Rows);

    /// <summary>Cancelled when nobody waits for the flush any more, or the pipeline stops.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    /// <summary>The attempt waits for the server to do its work.</summary>
    public void IsUnderWay() => _underWay();

    /// <summary>An attempt begins: from now on no batch leaves the flush, because the attempt reads its buffers.</summary>
    public void Resume()
    {
        lock (_gate)
        {
            _paused = false;
            DropCancelled();
        }
    }

    /// <summary>An attempt has failed: from now on a caller that cancels is released at once.</summary>
    public void Pause()
    {
        lock (_gate)
        {
            _paused = true;
            DropCancelled();
        }
    }

    /// <summary>
    /// Releases the batches whose callers have cancelled. They were not committed, or it is unknown whether they were.
    /// </summary>
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

    private void Drop(FlushBatch batch)
    {
        Batches.Remove(batch);
        batch.Completion.TrySetCanceled(batch.CancellationToken);
    }

    private void CancelledOne(FlushBatch batch)
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
