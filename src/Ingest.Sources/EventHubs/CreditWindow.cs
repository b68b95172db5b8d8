namespace Ingest.Sources.EventHubs;

/// <summary>
/// How many more events a partition may send: bounded in events and, by the average size seen, in bytes. What is on its way, what waits and
/// what is being stored counts against the bound. Not thread-safe.
/// </summary>
internal sealed class CreditWindow(int maxEvents, long maxBytes)
{
    // Before the first event its size is unknown: begin as if it were a large one, the next grant knows better.
    private const double AssumedBytes = 16 * 1024;

    private double _averageBytes = AssumedBytes;
    private bool _seen;

    /// <summary>Events asked for and not yet received.</summary>
    public int Requested { get; private set; }

    /// <summary>Events received and not yet completed.</summary>
    public int Held { get; private set; }

    /// <summary>The bound in events, as the sizes seen allow.</summary>
    public int Limit => (int)Math.Clamp(maxBytes / _averageBytes, 1, maxEvents);

    public void Received(int bytes)
    {
        Requested--;
        Held++;
        _averageBytes = _seen ? _averageBytes + ((bytes - _averageBytes) / 32) : bytes;
        _averageBytes = Math.Max(_averageBytes, 1);
        _seen = true;
    }

    public void Completed(int events) => Held -= events;

    /// <summary>A new link has no credit, whatever the last one had left.</summary>
    public void Reset() => Requested = 0;

    /// <summary>
    /// The credit to add now. Nothing until an eighth of the bound is free, as each grant is a frame of its own, unless the hub has no credit left.
    /// </summary>
    public int Grant()
    {
        var limit = Limit;
        var free = limit - Requested - Held;
        if (free <= 0 || (Requested > 0 && free < limit / 8))
        {
            return 0;
        }

        Requested += free;
        return free;
    }
}
