using System.Diagnostics;
using System.Text.Json;

namespace Ingest.TestSupport.Faults;

/// <summary>What a worker said last of itself.</summary>
/// <param name="At">When, as a timestamp.</param>
/// <param name="Name">Its name as an owner; null until it has answered.</param>
/// <param name="HasBeenReady">Whether it has ever been ready.</param>
/// <param name="Assigned">The partitions that are its to read.</param>
/// <param name="Attached">Those of them that it reads.</param>
/// <param name="Stop">How it was made to leave, if it was.</param>
internal sealed record WorkerView(
    long At,
    string? Name,
    bool HasBeenReady,
    IReadOnlySet<string> Assigned,
    IReadOnlySet<string> Attached,
    WorkerStop? Stop);

/// <summary>
/// Asks the living workers again and again which partitions they read, and notes each time in which nobody read one. A worker's answer is
/// believed until its next, or its end; a killed one's no longer than its life.
/// </summary>
internal sealed class ReaderWatch : IAsyncDisposable
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(75);
    private static readonly IReadOnlySet<string> None = new HashSet<string>();

    private readonly Lock _lock = new();
    private readonly Dictionary<WorkerProcess, WorkerView> _views = [];
    private readonly Dictionary<string, OpenGap> _open = [];
    private readonly Dictionary<string, WorkerStop> _orphaned = [];
    private readonly List<ReaderGap> _gaps = [];
    private readonly List<Task> _asking = [];
    private readonly CancellationTokenSource _stop = new();
    private bool _inOutage;

    /// <summary>The times without a reader that have ended.</summary>
    public IReadOnlyList<ReaderGap> Gaps
    {
        get
        {
            lock (_lock)
            {
                return [.. _gaps];
            }
        }
    }

    /// <summary>What those say that live and were not told to leave.</summary>
    public IReadOnlyList<WorkerView> Staying
    {
        get
        {
            lock (_lock)
            {
                return [.. _views.Values.Where(view => view.Stop is null)];
            }
        }
    }

    /// <summary>What a worker said last; null where it does not live.</summary>
    public WorkerView? ViewOf(WorkerProcess worker)
    {
        lock (_lock)
        {
            return _views.GetValueOrDefault(worker);
        }
    }

    /// <summary>Begins to ask a worker.</summary>
    public void Follow(WorkerProcess worker)
    {
        lock (_lock)
        {
            _views[worker] = new WorkerView(Stopwatch.GetTimestamp(), null, HasBeenReady: false, None, None, Stop: null);
        }

        _asking.Add(Task.Run(() => AskAsync(worker)));
    }

    /// <summary>A worker is being made to leave: what it reads no more is from now on laid to that.</summary>
    public void Stops(WorkerProcess worker, WorkerStop stop)
    {
        lock (_lock)
        {
            if (_views.TryGetValue(worker, out var view))
            {
                _views[worker] = view with { Stop = stop };
            }
        }

        if (stop.Kind == StopKind.Kill)
        {
            Gone(worker);
        }
    }

    /// <summary>
    /// A stop has hit the owner of these partitions. One that it did not read yet is still read by whoever had it before, who will leave it
    /// to the dead: that is laid to the stop, too.
    /// </summary>
    public void Orphaned(IEnumerable<string> partitions, WorkerStop by)
    {
        lock (_lock)
        {
            foreach (var partition in partitions.Where(partition => !_open.ContainsKey(partition)))
            {
                _orphaned[partition] = by;
            }
        }
    }

    /// <summary>The database is away from now on, or is back.</summary>
    public void Outage(bool begins)
    {
        lock (_lock)
        {
            _inOutage = begins;
            foreach (var gap in _open.Values)
            {
                gap.InOutage = true;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_asking);
        _stop.Dispose();
    }

    private async Task AskAsync(WorkerProcess worker)
    {
        using var timer = new PeriodicTimer(Often);
        try
        {
            while (!worker.HasEnded)
            {
                if (await worker.HealthAsync(_stop.Token) is { } answer)
                {
                    Take(worker, answer.Ready, answer.Body);
                }

                await timer.WaitForNextTickAsync(_stop.Token);
            }

            Gone(worker);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The round is over.
        }
    }

    private void Take(WorkerProcess worker, bool ready, JsonElement report)
    {
        var partitions = report.GetProperty("partitions").EnumerateArray().ToList();
        var assigned = Ids(partitions);
        var attached = Ids(partitions.Where(partition => partition.GetProperty("isAttached").GetBoolean()));
        lock (_lock)
        {
            if (!_views.TryGetValue(worker, out var before))
            {
                return;
            }

            var now = new WorkerView(
                Stopwatch.GetTimestamp(),
                report.GetProperty("worker").GetString(),
                before.HasBeenReady || ready,
                assigned,
                attached,
                before.Stop);
            _views[worker] = now;
            Lost(before.Attached.Except(attached), before);
            foreach (var partition in attached.Except(before.Attached))
            {
                _orphaned.Remove(partition);
                if (_open.Remove(partition, out var gap))
                {
                    _gaps.Add(gap.End(partition, now.At));
                }
            }
        }
    }

    private void Gone(WorkerProcess worker)
    {
        lock (_lock)
        {
            if (_views.Remove(worker, out var last))
            {
                Lost(last.Attached, last);
            }
        }
    }

    private void Lost(IEnumerable<string> partitions, WorkerView by)
    {
        foreach (var partition in partitions)
        {
            if (!_views.Values.Any(view => view.Attached.Contains(partition)))
            {
                _open[partition] = new OpenGap(by.At, by.Stop ?? _orphaned.GetValueOrDefault(partition)) { InOutage = _inOutage };
            }
        }
    }

    private static HashSet<string> Ids(IEnumerable<JsonElement> partitions) =>
        [.. partitions.Select(partition => partition.GetProperty("partition").GetString()!)];

    private sealed class OpenGap(long since, WorkerStop? cause)
    {
        public bool InOutage { get; set; }

        public ReaderGap End(string partition, long now) =>
            new(partition, cause, Math.Round(Stopwatch.GetElapsedTime(since, now).TotalSeconds, 2), InOutage);
    }
}
