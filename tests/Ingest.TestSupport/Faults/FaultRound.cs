using System.Diagnostics;
using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Events;
using Npgsql;

namespace Ingest.TestSupport.Faults;

/// <summary>How a round ended that kept the promise.</summary>
/// <param name="Fault">The fault staged.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Accounts">Where everything sent was found.</param>
/// <param name="OutagesLogged">Outages that the worker logged.</param>
/// <param name="StagedSeconds">From the fault to its remedy.</param>
/// <param name="RecoverySeconds">From the remedy until all that had been sent was accounted for, devices sending on.</param>
public sealed record FaultReport(string Fault, int Seed, Accounts Accounts, int OutagesLogged, double StagedSeconds, double RecoverySeconds);

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
        await using var stage = await FaultStage.CreateAsync(fault, seed, cancellationToken);
        try
        {
            return await RunAsync(stage, fault, seed, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new FaultException(
                string.Create(CultureInfo.InvariantCulture, $"{fault.Name}: {exception.Message}\nTo repeat it: dotnet run -c Release --project tests/Ingest.Benchmarks -- faults --rounds 1 --only {fault.Name} --seed {seed}\n{stage.Story()}"),
                exception);
        }
    }

    private static async Task<FaultReport> RunAsync(FaultStage stage, Fault fault, int seed, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
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
        await EverythingIsInOnePlaceAsync(stage, cancellationToken);
        TheWorkerIsWell(stage, fault);
        await stage.Worker.TerminateAsync();
        var code = await stage.Worker.EndAsync(cancellationToken);
        Check(code == 0, $"the worker ended with code {code}, not 0, when it was told to stop");
        return new FaultReport(
            fault.Name,
            seed,
            await stage.AccountsAsync(cancellationToken),
            Outages(stage, FaultStage.OutageBegins),
            Math.Round(Stopwatch.GetElapsedTime(staged, remedied).TotalSeconds, 2),
            Math.Round(recovered.TotalSeconds, 2));
    }

    private static async Task EverythingIsInOnePlaceAsync(FaultStage stage, CancellationToken cancellationToken)
    {
        var checkpoints = await new CheckpointTable(stage.Owner).ListAsync(cancellationToken);
        foreach (var partition in stage.Hub.Partitions)
        {
            var stands = checkpoints.Single(checkpoint => checkpoint.Partition.Partition == partition.Id).Position?.SequenceNumber;
            Check(stands == partition.LastSequenceNumber, $"partition {partition.Id}'s checkpoint stands at {stands}, and the hub's end is {partition.LastSequenceNumber}");
        }

        var accounts = await stage.AccountsAsync(cancellationToken);
        Check(accounts.Balance, $"the accounts do not balance: {accounts}");
        var expected = stage.Devices.Expected();
        var counted = accounts with { Collisions = 0 };
        Check(counted == expected, $"the accounts are {counted}, and must be {expected}");
        Same("row", stage.Devices.Rows(), await RowsAsync(stage.Owner, cancellationToken));
        Same("dead letter", stage.Devices.Letters(), await LettersAsync(stage.Owner, cancellationToken));
    }

    private static void TheWorkerIsWell(FaultStage stage, Fault fault)
    {
        Check(!stage.Worker.HasEnded, "the worker has ended");
        var workers = fault.ReplacesWorker ? 2 : 1;
        Check(stage.Workers.Count == workers, $"{stage.Workers.Count} workers were needed, not {workers}");
        var (begins, ends) = (Outages(stage, FaultStage.OutageBegins), Outages(stage, FaultStage.OutageEnds));
        Check(begins == ends, $"the log tells of {begins} outages that began and {ends} that ended");
        Check(fault.Outages is null || begins == fault.Outages, $"the log tells of {begins} outages, not {fault.Outages}");
        foreach (var worker in stage.Workers)
        {
            var complaints = worker.Complaints([FaultStage.OutageBegins, FaultStage.OwnershipUnavailable, .. fault.Complains]);
            Check(complaints.Count == 0, $"the worker complains: {string.Join(" | ", complaints.Take(3))}");
            Check(worker.Lines.Count <= MostLines, $"the worker has written {worker.Lines.Count} lines, such as: {worker.Lines[^1]}");
            foreach (var id in fault.Complains)
            {
                var most = stage.Hub.Partitions.Count * 3;
                Check(worker.Logged(id) <= most, $"the worker logs event {id} {worker.Logged(id)} times: an attempt is no news");
            }
        }
    }

    private static int Outages(FaultStage stage, int eventId) => stage.Workers.Sum(worker => worker.Logged(eventId));

    private static async Task<List<string>> RowsAsync(NpgsqlDataSource owner, CancellationToken cancellationToken)
    {
        List<string> rows = [];
        await using var command = owner.CreateCommand("SELECT date_trunc('milliseconds', time), device, temperature, humidity FROM conditions");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(SteadyDevices.RowText(reader.GetDateTime(0), reader.GetString(1), reader.GetDouble(2), reader.GetDouble(3)));
        }

        return rows;
    }

    private static async Task<List<string>> LettersAsync(NpgsqlDataSource owner, CancellationToken cancellationToken)
    {
        List<string> letters = [];
        await using var command = owner.CreateCommand("SELECT time, device, convert_from(body, 'UTF8') FROM dead_letters");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            letters.Add(SteadyDevices.LetterText(reader.GetDateTime(0), reader.GetString(1), reader.GetString(2)));
        }

        return letters;
    }

    private static void Same(string what, List<string> expected, List<string> found)
    {
        var left = expected.CountBy(text => text).ToDictionary();
        var doubled = new List<string>();
        foreach (var text in found)
        {
            if (left.TryGetValue(text, out var count) && count > 0)
            {
                left[text] = count - 1;
            }
            else
            {
                doubled.Add(text);
            }
        }

        var lost = left.Where(pair => pair.Value > 0).Select(pair => pair.Key).ToList();
        Check(lost.Count == 0, $"{lost.Count} of {expected.Count} {what}s are lost, the first: {lost.FirstOrDefault()}");
        Check(doubled.Count == 0, $"{doubled.Count} {what}s are too many or different, the first: {doubled.FirstOrDefault()}");
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FaultException(otherwise + ".");
        }
    }
}
