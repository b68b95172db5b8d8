using System.Diagnostics;
using System.Globalization;
using Ingest.Events;

namespace Ingest.TestSupport.Faults;

/// <summary>How large a round of workers is.</summary>
/// <param name="Workers">How many share the partitions.</param>
/// <param name="Partitions">The hub's.</param>
/// <param name="MessagesPerSecond">What the devices send.</param>
/// <param name="Seconds">How long workers are stopped and started.</param>
/// <param name="StopsAlone">How many are stopped in either way before that, each while all is well.</param>
/// <param name="OwnershipExpirySeconds">After how long without renewal a worker's partitions are free.</param>
/// <param name="LoadBalancingIntervalSeconds">How often it renews.</param>
public sealed record WorkersRoundOptions(
    int Workers,
    int Partitions,
    int MessagesPerSecond,
    int Seconds,
    int StopsAlone,
    int OwnershipExpirySeconds,
    int LoadBalancingIntervalSeconds);

/// <summary>How a round of workers ended that kept the promise.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="Counts">Where everything sent was found.</param>
/// <param name="Killed">Workers stopped by SIGKILL.</param>
/// <param name="Terminated">Workers stopped by SIGTERM.</param>
/// <param name="Outages">Outages of the database, the first of them with no worker stopped.</param>
/// <param name="LongestOutageSeconds">The longest.</param>
/// <param name="AfterKill">How long partitions were without a reader after SIGKILL, all being well before.</param>
/// <param name="AfterTerminate">The same after SIGTERM.</param>
/// <param name="InTheMix">The same after stops of either kind that came one upon the other.</param>
/// <param name="Moved">How long they were without one when nobody was stopped: in moves from worker to worker, and interruptions.</param>
/// <param name="EvenAfterSeconds">
/// From the last stop until every partition had its reader and the load was even, devices sending on.
/// </param>
/// <param name="Shares">Partitions a worker at the end.</param>
public sealed record WorkersReport(
    int Seed,
    ReadingCounts Counts,
    int Killed,
    int Terminated,
    int Outages,
    double LongestOutageSeconds,
    GapFigures AfterKill,
    GapFigures AfterTerminate,
    GapFigures InTheMix,
    GapFigures Moved,
    double EvenAfterSeconds,
    IReadOnlyList<int> Shares);

/// <summary>
/// Workers that share a hub under steady load, of which now this one, now that one is stopped and replaced, while the database goes away at
/// times; and everything that must be true afterwards.
/// </summary>
public static class WorkersRound
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(6);

    private static readonly int[] Complains =
        [FaultStage.OutageBegins, FaultStage.OwnershipUnavailable, FaultStage.NotClaimed, FaultStage.BatchFailed];

    // A busy machine, on which the web server's timer is late; and the database's client, which would take leave of a server through a cut
    // wire.
    private static readonly string[] NoNews = ["Kestrel[22]", "Npgsql.Connection[0] Exception while closing connector"];

    /// <summary>Runs one round on servers of its own.</summary>
    /// <exception cref="FaultException">The promise was broken; the message says where, and how to run this round again.</exception>
    public static async Task<WorkersReport> RunAsync(WorkersRoundOptions options, int seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var stageOptions = new FaultStageOptions
        {
            Partitions = options.Partitions,
            MessagesPerSecond = options.MessagesPerSecond,
            OwnershipExpirySeconds = options.OwnershipExpirySeconds,
            LoadBalancingIntervalSeconds = options.LoadBalancingIntervalSeconds,
        };
        await using var stage = await FaultStage.CreateAsync(stageOptions, seed, cancellationToken);
        await using var watch = new ReaderWatch();
        try
        {
            return await RunAsync(stage, watch, options, seed, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new FaultException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"workers: {exception.Message}\nTo repeat it: dotnet run -c Release --project tests/Ingest.Benchmarks -- faults "
                        + $"--rounds 1 --only workers --seed {seed} --workers {options.Workers} --partitions {options.Partitions} "
                        + $"--rate {options.MessagesPerSecond} --seconds {options.Seconds} --alone {options.StopsAlone} --expiry "
                        + $"{options.OwnershipExpirySeconds} --balance {options.LoadBalancingIntervalSeconds}\n{stage.Story()}"),
                exception);
        }
    }

    private static async Task<WorkersReport> RunAsync(
        FaultStage stage,
        ReaderWatch watch,
        WorkersRoundOptions options,
        int seed,
        CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        var expiry = TimeSpan.FromSeconds(options.OwnershipExpirySeconds);
        var shares = new PartitionShares(stage, watch);
        var outages = new DatabaseOutages(stage, watch);
        var fleet = new WorkerFleet(stage, watch, outages, random);
        fleet.Start(options.Workers);
        await shares.BecomeEvenAsync(options.Workers, cancellationToken);
        await LongOutageMovesNothingAsync(stage, shares, outages, options, cancellationToken);

        await StopsAloneAsync(fleet, shares, options, cancellationToken);
        await Task.WhenAll(
            outages.StageAsync(TimeSpan.FromSeconds(options.Seconds), expiry, new Random(seed), cancellationToken),
            ReplaceWorkersAsync(fleet, TimeSpan.FromSeconds(options.Seconds), random, cancellationToken));
        var lastStop = Stopwatch.GetTimestamp();
        var even = await shares.BecomeEvenAsync(options.Workers, cancellationToken);
        var evenAfter = Stopwatch.GetElapsedTime(lastStop);
        await stage.CatchesUpAsync(cancellationToken);
        await stage.KeepsPaceAsync(cancellationToken);

        await stage.Devices.StopAsync();
        await stage.CatchesUpAsync(cancellationToken);
        await Promise.IsKeptAsync(stage, cancellationToken);
        await shares.AreStillAsync(even, "since the load was even", cancellationToken);
        await fleet.EndAsync(cancellationToken);
        foreach (var worker in stage.Workers)
        {
            var complaints = worker.Complaints(Complains).Where(
                line => !NoNews.Any(said => line.Contains(said, StringComparison.Ordinal))).ToList();
            Promise.Check(complaints.Count == 0, $"a worker complains: {string.Join(" | ", complaints.Take(3))}");
        }

        return new WorkersReport(
            seed,
            await stage.CountsAsync(cancellationToken),
            fleet.Replaced(StopKind.Kill),
            fleet.Replaced(StopKind.Terminate),
            outages.Count,
            Math.Round(outages.LongestSeconds, 1),
            GapFigures.Of(watch.Gaps.Where(gap => gap.Cause is { IsAlone: true, Kind: StopKind.Kill })),
            GapFigures.Of(watch.Gaps.Where(gap => gap.Cause is { IsAlone: true, Kind: StopKind.Terminate })),
            GapFigures.Of(watch.Gaps.Where(gap => gap.Cause is { IsAlone: false })),
            GapFigures.Of(watch.Gaps.Where(gap => gap.Cause is null)),
            Math.Round(evenAfter.TotalSeconds, 1),
            [.. even.CountBy(owner => owner.Owner).Select(owner => owner.Value).OrderDescending()]);
    }

    private static async Task LongOutageMovesNothingAsync(
        FaultStage stage, PartitionShares shares, DatabaseOutages outages, WorkersRoundOptions options, CancellationToken cancellationToken)
    {
        var expiry = TimeSpan.FromSeconds(options.OwnershipExpirySeconds);
        var before = await shares.OwnersAsync(cancellationToken);
        outages.Begin();
        await stage.UntilAsync(
            "no worker has renewed for longer than ownership lasts",
            async () => (await shares.OwnersAsync(cancellationToken)).All(owner => owner.Age > expiry + TimeSpan.FromSeconds(1)),
            cancellationToken);
        outages.End();
        await stage.UntilAsync(
            "every worker renews its partitions after an outage",
            async () => (await shares.OwnersAsync(cancellationToken)).All(owner => owner.Age < expiry),
            cancellationToken);

        // What a worker thinks of the others' ages after an outage, it thinks for this long at the most.
        var renewed = Stopwatch.GetTimestamp();
        var settled = expiry + (2 * TimeSpan.FromSeconds(options.LoadBalancingIntervalSeconds));
        await stage.UntilAsync(
            "the outage is forgotten",
            () => Task.FromResult(Stopwatch.GetElapsedTime(renewed) > settled),
            cancellationToken);
        await shares.AreStillAsync(before, "by an outage of the database alone", cancellationToken);
    }

    // What a stop does by itself: in the mix the next comes before it is over.
    private static async Task StopsAloneAsync(
        WorkerFleet fleet, PartitionShares shares, WorkersRoundOptions options, CancellationToken cancellationToken)
    {
        for (var stop = 0; stop < options.StopsAlone; stop++)
        {
            foreach (var kind in (StopKind[])[StopKind.Terminate, StopKind.Kill])
            {
                await fleet.ReplaceOneAloneAsync(kind, cancellationToken);
                await shares.BecomeEvenAsync(options.Workers, cancellationToken);
            }
        }
    }

    private static async Task ReplaceWorkersAsync(WorkerFleet fleet, TimeSpan duration, Random random, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            await Task.Delay(
                ShortestPause + (random.NextDouble() * (LongestPause - ShortestPause)), TimeProvider.System, cancellationToken);
            await fleet.ReplaceOneAsync(cancellationToken);
        }
    }
}
