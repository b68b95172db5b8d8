using Microsoft.Extensions.Logging;

namespace Ingest.Sources.Diagnostics;

/// <summary>
/// Tells of events that cannot be decoded: one a partition and minute as an error, the others for whoever looks closer, as one device can
/// send thousands. Safe for many threads.
/// </summary>
internal sealed class UndecodableLog(ILogger logger, string hub, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _quietUntil = new(StringComparer.Ordinal);

    public void Tell(string partition, long sequenceNumber, string? device, string reason)
    {
        if (IsDue(partition))
        {
            SourcesLog.Undecodable(logger, hub, partition, sequenceNumber, device, reason);
        }
        else
        {
            SourcesLog.UndecodableStill(logger, hub, partition, sequenceNumber, device, reason);
        }
    }

    private bool IsDue(string partition)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (_quietUntil.TryGetValue(partition, out var until) && now < until)
            {
                return false;
            }

            _quietUntil[partition] = now + Pause;
            return true;
        }
    }
}
