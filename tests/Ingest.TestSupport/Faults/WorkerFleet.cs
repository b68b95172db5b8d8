using System.Diagnostics;
using System.Globalization;
using Ingest.Checkpoints;

namespace Ingest.TestSupport.Faults;

/// <summary>
/// Workers that share the partitions, always as many, of which one has a wrong clock. Each that is stopped is replaced at once.
/// </summary>
internal sealed class WorkerFleet(FaultStage stage, ReaderWatch watch, DatabaseOutages outages, Random random)
{
    private const int ClockDays = 2;
    private const int EndedBySignal = 128 + 15;

    // A drain that an outage meets in its first seconds cannot be done before it is over.
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AtLeastOff = TimeSpan.FromDays(1);

    private readonly List<Member> _staying = [];
    private readonly List<(WorkerProcess Process, WorkerStop Stop, long At, bool HadAnswered, bool IsReplaced)> _left = [];

    /// <summary>How many were stopped so, and replaced.</summary>
    public int Replaced(StopKind kind) => _left.Count(left => left.IsReplaced && left.Stop.Kind == kind);

    /// <summary>Starts so many, one of them with a wrong clock.</summary>
    public void Start(int workers)
    {
        for (var worker = 0; worker < workers; worker++)
        {
            Start(hasWrongClock: worker == 0);
        }
    }

    /// <summary>Stops one by chance, and starts another.</summary>
    public async Task ReplaceOneAsync(CancellationToken cancellationToken)
    {
        await stage.UntilAsync(
            "a worker has become ready, so that another can be stopped",
            () => Task.FromResult(CheckAlive() && _staying.Exists(HasBeenReady)),
            cancellationToken);

        // One that is known to do its work stays.
        var ready = _staying.Where(HasBeenReady).ToList();
        await ReplaceOneOfAsync(
            [.. _staying.Where(member => ready.Count > 1 || member != ready[0])],
            NextKind(),
            isAlone: false,
            cancellationToken);
    }

    /// <summary>Stops one in this way while all is well, and starts another. Nobody else may be stopped before all is well again.</summary>
    public Task ReplaceOneAloneAsync(StopKind kind, CancellationToken cancellationToken)
    {
        CheckAlive();
        return ReplaceOneOfAsync(_staying, kind, isAlone: true, cancellationToken);
    }

    /// <exception cref="FaultException">One has ended that nobody stopped.</exception>
    public bool CheckAlive()
    {
        Promise.Check(!_staying.Exists(member => member.Process.HasEnded), "a worker has ended that nobody stopped");
        return true;
    }

    /// <summary>Tells all to leave, and waits until they and all before them have.</summary>
    /// <exception cref="FaultException">One did not end as it must.</exception>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        CheckAlive();
        CheckClocks();
        foreach (var member in _staying)
        {
            var stop = new WorkerStop(_left.Count + 1, StopKind.Terminate, IsAlone: false);
            watch.Stops(member.Process, stop);
            await member.Process.TerminateAsync();
            _left.Add((member.Process, stop, Stopwatch.GetTimestamp(), HadAnswered: true, IsReplaced: false));
        }

        foreach (var (process, stop, at, hadAnswered, _) in _left.Where(left => left.Stop.Kind == StopKind.Terminate))
        {
            var code = await process.EndAsync(cancellationToken);
            // What cannot be made durable in time is given up, and the code says so. One that does not listen for signals yet ends by them.
            Promise.Check(
                code == 0 || (code == 1 && outages.Any(at, Drain)) || (code == EndedBySignal && !hadAnswered),
                $"the worker of stop {stop.Number} ended with code {code}, not 0, when it was told to stop");
        }
    }

    private static DateTimeOffset ClockOf(WorkerProcess worker) =>
        worker.Lines.Select(line => line.Split(' ')[0])
            .Select(text => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out var stamp) ? stamp : (DateTimeOffset?)null)
            .OfType<DateTimeOffset>()
            .Last();

    private void Start(bool hasWrongClock)
    {
        var days = random.Next(2) == 0 ? ClockDays : -ClockDays;
        var worker = stage.StartWorker(hasWrongClock ? WrongClock.OffByDays(days) : null);
        _staying.Add(new Member(worker, hasWrongClock));
        watch.Follow(worker);
    }

    private async Task ReplaceOneOfAsync(IReadOnlyList<Member> candidates, StopKind kind, bool isAlone, CancellationToken cancellationToken)
    {
        var victim = candidates[random.Next(candidates.Count)];
        var name = watch.ViewOf(victim.Process)?.Name;
        var stop = new WorkerStop(_left.Count + 1, kind, isAlone);
        _staying.Remove(victim);
        watch.Stops(victim.Process, stop);
        if (kind == StopKind.Kill)
        {
            await victim.Process.KillAsync();
            watch.Orphaned(await OwnedByAsync(name, cancellationToken), stop);
        }
        else
        {
            watch.Orphaned(await OwnedByAsync(name, cancellationToken), stop);
            await victim.Process.TerminateAsync();
        }

        _left.Add((victim.Process, stop, Stopwatch.GetTimestamp(), HadAnswered: name is not null, IsReplaced: true));
        Start(victim.HasWrongClock);
    }

    private StopKind NextKind() => random.Next(2) == 0 ? StopKind.Kill : StopKind.Terminate;

    private bool HasBeenReady(Member member) => watch.ViewOf(member.Process) is { HasBeenReady: true };

    private async Task<IEnumerable<string>> OwnedByAsync(string? name, CancellationToken cancellationToken) =>
        from owner in await new PartitionOwnerTable(stage.Owner).ListAsync(cancellationToken)
        where owner.Owner == name
        select owner.Partition.Partition;

    // A library that was loaded and did nothing would prove nothing.
    private void CheckClocks()
    {
        foreach (var member in _staying)
        {
            var isOff = (ClockOf(member.Process) - TimeProvider.System.GetUtcNow()).Duration() > AtLeastOff;
            Promise.Check(
                isOff == member.HasWrongClock, $"a worker's clock is {(isOff ? "off, and should be right" : "right, and should be off")}");
        }
    }

    private sealed record Member(WorkerProcess Process, bool HasWrongClock);
}
