using System.Diagnostics;

namespace Ingest.TestSupport.Faults;

/// <summary>Outages of the database, as the workers see them: the wire to it is cut, and nothing connects until it is mended.</summary>
internal sealed class DatabaseOutages(FaultStage stage, ReaderWatch watch)
{
    private const int Planned = 3;

    private readonly Lock _lock = new();
    private readonly List<(long Begin, long End)> _all = [];

    /// <summary>Whether there is one.</summary>
    public bool IsNow
    {
        get
        {
            lock (_lock)
            {
                return _all.Count > 0 && _all[^1].End == long.MaxValue;
            }
        }
    }

    /// <summary>How many there were.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _all.Count;
            }
        }
    }

    /// <summary>How long the longest was.</summary>
    public double LongestSeconds
    {
        get
        {
            lock (_lock)
            {
                return _all.Select(outage => Stopwatch.GetElapsedTime(outage.Begin, outage.End).TotalSeconds).DefaultIfEmpty().Max();
            }
        }
    }

    public void Begin()
    {
        lock (_lock)
        {
            _all.Add((Stopwatch.GetTimestamp(), long.MaxValue));
        }

        watch.Outage(begins: true);
        stage.Wire.Close();
    }

    public void End()
    {
        stage.Wire.Open();
        watch.Outage(begins: false);
        lock (_lock)
        {
            _all[^1] = _all[^1] with { End = Stopwatch.GetTimestamp() };
        }
    }

    /// <summary>Whether there was one at this moment, or some time after.</summary>
    public bool Any(long moment, TimeSpan after)
    {
        lock (_lock)
        {
            return _all.Exists(outage => outage.End > moment && Stopwatch.GetElapsedTime(moment, outage.Begin) < after);
        }
    }

    /// <summary>
    /// Stages some within this time, at moments and of lengths by chance: one longer than ownership lasts, the others short.
    /// </summary>
    public async Task StageAsync(TimeSpan within, TimeSpan expiry, Random random, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var longOne = random.Next(Planned);
        for (var number = 0; number < Planned; number++)
        {
            var length = TimeSpan.FromSeconds(1 + (random.NextDouble() * 2)) + (number == longOne ? expiry : TimeSpan.Zero);
            var part = within / Planned;
            var begin = (part * number) + (random.NextDouble() * (part > length ? part - length : TimeSpan.Zero));
            var pause = begin - Stopwatch.GetElapsedTime(started);
            await Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, TimeProvider.System, cancellationToken);
            Begin();
            await Task.Delay(length, TimeProvider.System, cancellationToken);
            End();
        }
    }
}
