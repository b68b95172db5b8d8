namespace Ingest.Worker.Ownership;

/// <summary>
/// How old an owner's last renewal is believed to be. While the shared store was away nobody could renew, and each owner is given the time to
/// before his partitions count as free. One call at a time.
/// </summary>
/// <param name="interval">How often a worker looks and renews. After two without a look there was an outage.</param>
/// <param name="expiry">After how long without renewal a partition is free.</param>
/// <param name="time">Times the looks.</param>
internal sealed class RenewalGrace(TimeSpan interval, TimeSpan expiry, TimeProvider time)
{
    private readonly TimeSpan _unseenAfter = 2 * interval;
    private long? _lastLook;
    private long? _since;
    private TimeSpan _grace;

    /// <summary>Takes note of a look at the owners that succeeded.</summary>
    /// <returns>The greatest age that is believed; null where every age is.</returns>
    public TimeSpan? Look()
    {
        var now = time.GetTimestamp();
        if (_lastLook is not { } last)
        {
            // A worker that starts when an outage ends must not be faster than those who have not renewed yet.
            (_since, _grace) = (now, _unseenAfter);
        }
        else if (time.GetElapsedTime(last, now) > _unseenAfter)
        {
            (_since, _grace) = (now, expiry);
        }

        _lastLook = now;
        if (_since is { } since && time.GetElapsedTime(since, now) is var passed && passed < _grace)
        {
            return passed;
        }

        _since = null;
        return null;
    }
}
