using System.Text.Json;

namespace Ingest.Audit;

/// <summary>A reading that has neither a row nor a dead letter.</summary>
/// <param name="Finding">Which.</param>
/// <param name="Quota">If it is rejected, whose quota its dead letter counts against.</param>
internal sealed record LostReading(AuditFinding Finding, string? Quota);

/// <summary>The readings that were not found, in a temporary file. Adding is thread-safe.</summary>
internal sealed class LostReadings(string path) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _rejected = new(StringComparer.Ordinal);
    private readonly StreamWriter _file = new(path);

    /// <summary>Whose quotas rejected readings without a dead letter count against.</summary>
    public IReadOnlyCollection<string> Devices => _rejected.Keys;

    /// <summary>Rejected readings without a dead letter that count against a quota.</summary>
    public long CountOf(string device) => _rejected.GetValueOrDefault(device);

    public void Add(LostReading lost)
    {
        lock (_lock)
        {
            _file.WriteLine(JsonSerializer.Serialize(lost));
            if (lost.Quota is { } device)
            {
                _rejected[device] = CountOf(device) + 1;
            }
        }
    }

    /// <summary>Adds rejected readings of which no dead letter is expected, as they are past those kept of one message.</summary>
    public void CountOnly(string device, long count)
    {
        lock (_lock)
        {
            _rejected[device] = CountOf(device) + count;
        }
    }

    /// <summary>All of them. Nothing is added afterwards.</summary>
    public IEnumerable<LostReading> All()
    {
        _file.Flush();
        using var lines = new StreamReader(File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (lines.ReadLine() is { } line)
        {
            yield return JsonSerializer.Deserialize<LostReading>(line)!;
        }
    }

    public void Dispose() => _file.Dispose();
}
