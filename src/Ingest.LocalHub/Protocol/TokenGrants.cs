namespace Ingest.LocalHub.Protocol;

/// <summary>The tokens of one connection: what each covers, and until when. Guarded by the connection's lock.</summary>
/// <param name="clock">Tells when one is expired.</param>
/// <param name="gate">The connection's lock.</param>
/// <param name="expired">Called when one may have expired: <see cref="RemoveExpired"/> is to be asked. From any thread.</param>
internal sealed class TokenGrants(TimeProvider clock, Lock gate, Action expired) : IAsyncDisposable
{
    // A timer takes less than 50 days, and a token may be good for a year.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly Dictionary<string, DateTimeOffset> _expiries = new(StringComparer.OrdinalIgnoreCase);
    private ITimer? _timer;

    /// <summary>A token for this audience is good until then.</summary>
    public void Add(string audience, DateTimeOffset expiry)
    {
        _expiries[audience] = expiry;
        AwaitNext();
    }

    /// <summary>Whether a token that is good now covers the entity.</summary>
    public bool Cover(string entity) => _expiries.Any(grant => grant.Value > clock.GetUtcNow() && EntityPath.Covers(grant.Key, entity));

    /// <returns>Whether one has expired.</returns>
    public bool RemoveExpired()
    {
        var now = clock.GetUtcNow();
        var over = _expiries.Where(grant => grant.Value <= now).Select(grant => grant.Key).ToList();
        if (over.Count == 0)
        {
            return false;
        }

        over.ForEach(audience => _expiries.Remove(audience));
        AwaitNext();
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        if (_timer is not null)
        {
            await _timer.DisposeAsync();
        }
    }

    private void AwaitNext()
    {
        _timer?.Dispose();
        _timer = null;
        if (_expiries.Count > 0)
        {
            var left = _expiries.Values.Min() - clock.GetUtcNow();
            var wait = left <= TimeSpan.Zero ? TimeSpan.Zero : left < LongestWait ? left : LongestWait;
            _timer = clock.CreateTimer(_ => OnTimer(), null, wait, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnTimer()
    {
        lock (gate)
        {
            if (_expiries.Count > 0 && _expiries.Values.Min() > clock.GetUtcNow())
            {
                AwaitNext();
                return;
            }
        }

        expired();
    }
}
