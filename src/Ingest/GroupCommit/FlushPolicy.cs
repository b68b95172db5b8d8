namespace Ingest.GroupCommit;

/// <summary>
/// When waiting batches become a flush, and how many of them: at once when the writer is idle, unless a delay is set; then as soon as a
/// flush is full or its oldest batch has waited for the delay.
/// </summary>
/// <param name="maxRows">Most rows of a flush; one larger batch is a flush of its own.</param>
/// <param name="maxBytes">Most body bytes of a flush.</param>
/// <param name="maxDelay">How long an incomplete flush waits for more.</param>
internal sealed class FlushPolicy(int maxRows, long maxBytes, TimeSpan maxDelay)
{
    private int _batches;
    private long _rows;
    private long _bytes;

    /// <summary>Whether a flush has no room for another batch.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Starts to count a flush.</summary>
    public void Begin()
    {
        _batches = 0;
        _rows = 0;
        _bytes = 0;
        IsFull = false;
    }

    /// <summary>Adds a batch if it fits; the first one always does.</summary>
    public bool TryAdd(int rows, long bytes)
    {
        if (_batches > 0 && (_rows + rows > maxRows || _bytes + bytes > maxBytes))
        {
            IsFull = true;
            return false;
        }

        _batches++;
        _rows += rows;
        _bytes += bytes;
        IsFull = _rows >= maxRows || _bytes >= maxBytes;
        return true;
    }

    /// <summary>How much longer the counted flush should wait; zero: now.</summary>
    /// <param name="oldestWaited">How long its oldest batch has waited.</param>
    public TimeSpan WaitFor(TimeSpan oldestWaited) =>
        IsFull || oldestWaited >= maxDelay ? TimeSpan.Zero : maxDelay - oldestWaited;
}
