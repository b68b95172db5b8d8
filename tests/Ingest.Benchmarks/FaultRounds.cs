using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;

namespace Ingest.Benchmarks;

/// <summary>The long run of the faults that the tests stage once each.</summary>
internal static class FaultRounds
{
    /// <summary>Cuts a 10-row flush at every byte.</summary>
    private const string Bytes = "bytes";

    /// <summary>Cuts a 5,000-row flush at every message of the protocol.</summary>
    private const string Messages = "messages";

    private const int Lanes = 16;

    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    public static Command Command()
    {
        var rounds =
            new Option<int>("--rounds")
            {
                Description = "How many rounds; each stages one fault on servers of its "
                + "own.",
                DefaultValueFactory = _ => 20
            };
        var seed = new Option<int>("--seed")
        {
            Description = "The first round's seed: it chooses the fault, its moment and its manner. Each further round adds one.",
            DefaultValueFactory = _ => 1,
        };
        var only = new Option<string?>("--only")
        {
            Description =
                $"One fault: {string.Join(", ", FaultCatalog.All)}; or '{Bytes}' (a flush of 10 rows, cut after every byte) or "
                    + $"'{Messages}' (one of 5,000, cut at every message of the protocol); or '{WorkersRounds.Name}' (several, stopped "
                    + "and replaced all the time).",
        };
        var json = new Option<bool>("--json") { Description = "One JSON object on standard output." };
        var command = new Command(
            "faults",
            "Faults under steady load, each put right again, and where every reading was found afterwards.") { rounds, seed, only, json };
        foreach (var option in WorkersRounds.Options)
        {
            command.Options.Add(option);
        }

        command.SetAction((result, cancellationToken) => result.GetValue(only) == WorkersRounds.Name
            ? RunAsync(
                (round, stop) => WorkersRound.RunAsync(WorkersRounds.Read(result), round, stop),
                WorkersRounds.Text,
                result.GetValue(rounds),
                result.GetValue(seed),
                result.GetValue(json),
                cancellationToken)
            : RunAsync(result.GetValue(rounds), result.GetValue(seed), result.GetValue(only), result.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int rounds, int seed, string? only, bool json, CancellationToken cancellationToken)
    {
        try
        {
            if (only is Bytes or Messages)
            {
                var cuts = await CutAsync(
                    only == Bytes ? CutPlaces.EveryByte : CutPlaces.EveryMessage, only == Bytes ? 10 : 5_000, cancellationToken);
                Console.WriteLine(json ? JsonSerializer.Serialize(cuts, Web) : $"{cuts}");
                return 0;
            }

            var faults = only is null ? FaultCatalog.All.Where(CanBeStaged).ToList() : [FaultCatalog.Named(only)];
            return await RunAsync(
                (round, stop) => FaultRound.RunAsync(faults[round % faults.Count], round, stop),
                Text,
                rounds,
                seed,
                json,
                cancellationToken);
        }
        catch (FaultException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }
    }

    private static async Task<int> RunAsync<TReport>(
        Func<int, CancellationToken, Task<TReport>> run,
        Func<TReport, string> text,
        int rounds,
        int seed,
        bool json,
        CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        List<TReport> reports = [];
        List<string> failures = [];
        for (var round = 0; round < rounds; round++)
        {
            try
            {
                var report = await run(seed + round, cancellationToken);
                reports.Add(report);
                await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{round + 1,4} {text(report)}"));
            }
            catch (FaultException exception)
            {
                failures.Add(exception.Message);
                await Console.Error.WriteLineAsync(exception.Message);
            }
        }

        var seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1);
        Console.WriteLine(json
            ? JsonSerializer.Serialize(new { rounds, seed, seconds, failures, reports }, Web)
            : string.Create(CultureInfo.InvariantCulture, $"{rounds} rounds in {seconds} s: {failures.Count} failed"));
        return failures.Count == 0 ? 0 : 1;
    }

    private static string Text(FaultReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"{report.Fault,-26} seed {report.Seed}: {report.Counts.Received} received = {report.Counts.Stored} + "
            + $"{report.Counts.Duplicate} + {report.Counts.DeadLettered} + {report.Counts.Ignored}; fault {report.StagedSeconds} "
            + $"s, recovery {report.RecoverySeconds} s, outages logged {report.OutagesLogged}");

    private static bool CanBeStaged(Fault fault)
    {
        if (!fault.Stage.OnSmallDisk || SmallDisk.Missing is not { } missing)
        {
            return true;
        }

        Console.Error.WriteLine($"{fault.Name} is left out. {missing}");
        return false;
    }

    private static async Task<WireCutReport> CutAsync(CutPlaces places, int rows, CancellationToken cancellationToken)
    {
        await using var server = await NativePostgres.StartAsync(cancellationToken: cancellationToken);
        var owner = await server.CreateDatabaseAsync(cancellationToken);
        await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings { PlainPostgres = true }, cancellationToken);
        var login = await server.CreateLoginAsync(owner, memberOf: "ingest_writer", cancellationToken);
        return await new WireCuts(login, rows, Lanes).RunAsync(places, stride: 1, seed: 0, cancellationToken);
    }
}
