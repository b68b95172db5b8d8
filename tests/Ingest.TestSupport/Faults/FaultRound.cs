using System.Diagnostics;
using System.Globalization;
using Ingest.Events;

namespace Ingest.TestSupport.Faults;

/// <summary>How a round ended that kept the promise.</summary>
/// <param name="Fault">The fault staged.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Counts">Where everything sent was found.</param>
/// <param name="OutagesLogged">Outages that the worker logged.</param>
/// <param name="StagedSeconds">From the fault to its remedy.</param>
/// <param name="RecoverySeconds">From the remedy until all that had been sent was accounted for, devices sending on.</param>
public sealed record FaultReport(
    string Fault,
    int Seed,
    ReadingCounts Counts,
    int OutagesLogged,
    double StagedSeconds,
    double RecoverySeconds);

/// <summary>One fault, staged and put right under steady load, and everything that must be true afterwards.</summary>
public static class FaultRound
{
    /// <summary>Messages before the fault, so that it hits a worker at full rate.</summary>
    private const int Before = 500;

    /// <summary>A worker's lines in a round; one a flush or one an attempt would be hundreds.</summary>
    private const int MostLines = 100;

    /// <summary>Runs one round on servers of its own.</summary>
    /// <exception cref="FaultException">The promise was broken; the message says where, and how to run this round again.</exception>
    public static async Task<FaultReport> RunAsync(Fault fault, int seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(fault);
        await using var stage = await FaultStage.CreateAsync(fault.Stage, seed, cancellationToken);
        try
        {
            return await RunAsync(stage, fault, seed, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new FaultException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{fault.Name}: {exception.Message}\nTo repeat it: dotnet run -c Release --project tests/Ingest.Benchmarks -- "
                        + $"faults --rounds 1 --only {fault.Name} --seed {seed}\n{stage.Story()}"),
                exception);
        }
    }

    private static async Task<FaultReport> RunAsync(FaultStage stage, Fault fault, int seed, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        stage.StartWorker();
        await stage.SendsAsync(Before + random.Next(Before), cancellationToken);
        await stage.CatchesUpAsync(cancellationToken);

        var staged = Stopwatch.GetTimestamp();
        await fault.StageAsync(stage, random, cancellationToken);
        var remedied = Stopwatch.GetTimestamp();
        await stage.CatchesUpAsync(cancellationToken);
        var recovered = Stopwatch.GetElapsedTime(remedied);
        await stage.KeepsPaceAsync(cancellationToken);

        await stage.Devices.StopAsync();
        await stage.CatchesUpAsync(cancellationToken);
        await Promise.IsKeptAsync(stage, cancellationToken);
        TheWorkerIsWell(stage, fault);
        await stage.Worker.TerminateAsync();
        var code = await stage.Worker.EndAsync(cancellationToken);
        Promise.Check(code == 0, $"the worker ended with code {code}, not 0, when it was told to stop");
        return new FaultReport(
            fault.Name,
            seed,
            await stage.CountsAsync(cancellationToken),
            Outages(stage, FaultStage.OutageBegins),
            Math.Round(Stopwatch.GetElapsedTime(staged, remedied).TotalSeconds, 2),
            Math.Round(recovered.TotalSeconds, 2));
    }

    private static void TheWorkerIsWell(FaultStage stage, Fault fault)
    {
        Promise.Check(!stage.Worker.HasEnded, "the worker has ended");
        var workers = fault.ReplacesWorker ? 2 : 1;
        Promise.Check(stage.Workers.Count == workers, $"{stage.Workers.Count} workers were needed, not {workers}");
        var (begins, ends) = (Outages(stage, FaultStage.OutageBegins), Outages(stage, FaultStage.OutageEnds));
        Promise.Check(begins == ends, $"the log tells of {begins} outages that began and {ends} that ended");
        Promise.Check(fault.Outages is null || begins == fault.Outages, $"the log tells of {begins} outages, not {fault.Outages}");
        foreach (var worker in stage.Workers)
        {
            var complaints = worker.Complaints([FaultStage.OutageBegins, FaultStage.OwnershipUnavailable, .. fault.Complains]);
            Promise.Check(complaints.Count == 0, $"the worker complains: {string.Join(" | ", complaints.Take(3))}");
            Promise.Check(
                worker.Lines.Count <= MostLines, $"the worker has written {worker.Lines.Count} lines, such as: {worker.Lines[^1]}");
            foreach (var id in fault.Complains)
            {
                var most = stage.Hub.Partitions.Count * 3;
                Promise.Check(worker.Logged(id) <= most, $"the worker logs event {id} {worker.Logged(id)} times: an attempt is no news");
            }
        }
    }

    private static int Outages(FaultStage stage, int eventId) => stage.Workers.Sum(worker => worker.Logged(eventId));
}
