namespace Ingest.Worker.Partitions;

/// <summary>
/// The batches of a partition that are being committed: two at the most, so that one is decoded while the other is written. Their
/// checkpoints are chained: the second is never stored without the first.
/// </summary>
internal sealed class BatchChain
{
    private const int Most = 2;

    private readonly Lock _lock = new();
    private readonly Queue<Task> _underWay = new(Most);

    /// <summary>Waits until one more may begin. Gives up waiting, not the batches, when cancelled.</summary>
    /// <exception cref="Exception">One that has ended failed.</exception>
    public async Task RoomAsync(CancellationToken cancellationToken)
    {
        while (Oldest() is { } oldest && (oldest.IsCompleted || IsFull()))
        {
            await oldest.WaitAsync(cancellationToken);
            Remove(oldest);
        }
    }

    /// <summary>Begins one.</summary>
    public void Add(Task batch)
    {
        lock (_lock)
        {
            _underWay.Enqueue(batch);
        }
    }

    /// <summary>Waits until none is under way, whatever becomes of them.</summary>
    public async Task DrainAsync()
    {
        while (Oldest() is { } oldest)
        {
            await oldest.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Remove(oldest);
        }
    }

    private void Remove(Task batch)
    {
        lock (_lock)
        {
            if (_underWay.TryPeek(out var first) && ReferenceEquals(first, batch))
            {
                _underWay.Dequeue();
            }
        }
    }

    private Task? Oldest()
    {
        lock (_lock)
        {
            return _underWay.TryPeek(out var oldest) ? oldest : null;
        }
    }

    private bool IsFull()
    {
        lock (_lock)
        {
            return _underWay.Count >= Most;
        }
    }
}
