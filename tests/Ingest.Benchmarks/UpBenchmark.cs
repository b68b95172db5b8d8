using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ingest.TestSupport.Processes;

namespace Ingest.Benchmarks;

/// <summary>
/// <c>ingest up</c> with the embedded database: devices, hub, worker and database together. At the wanted rate it must keep up; at a
/// moderate one, latency counts; and the time from its start to the first committed row.
/// </summary>
internal static class UpBenchmark
{
    private const int ModerateRate = 2_000;

    public static Command Command()
    {
        var seconds = new Option<int>("--seconds") { Description = "How long each rate lasts.", DefaultValueFactory = _ => 60 };
        var rate =
            new Option<int>("--rate") { Description = "Messages a second that it must keep up with.", DefaultValueFactory = _ => 10_000 };
        var firstRow = new Option<bool>("--first-row") { Description = "Only the time to the first row." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command(
            "up", "Everything on one machine: throughput, latency, time to the first row.") { seconds, rate, firstRow, json };
        command.SetAction(
            async (result, _) =>
                await RunAsync(result.GetValue(seconds), result.GetValue(rate), result.GetValue(firstRow), result.GetValue(json)));
        return command;
    }

    private static async Task<int> RunAsync(int seconds, int rate, bool firstRowOnly, bool json)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                "The benchmark empties the embedded database, and only on Linux can it be given a folder apart from yours.");
        }

        // Kept from one benchmark to the next, so that the packages are installed; the database is emptied every time.
        Dictionary<string, string> environment = new() { ["XDG_STATE_HOME"] = Path.Combine(Path.GetTempPath(), "ingest-benchmarks") };
        await MeasureAsync(environment, messages: 1, rate: 1);

        var firstRow = (await MeasureAsync(environment, messages: 1, rate: 1)).FirstRowSeconds;
        List<Run> runs = [];
        foreach (var each in firstRowOnly ? [] : new[] { ModerateRate, rate }.Distinct())
        {
            runs.Add(await MeasureAsync(environment, (long)each * seconds, each));
        }

        var report = new Report(firstRow, runs, Machine.Shape, Machine.LoadAverage());
        Console.WriteLine(json ? JsonSerializer.Serialize(report, JsonSerializerOptions.Web) : Text(report));
        return 0;
    }

    private static async Task<Run> MeasureAsync(Dictionary<string, string> environment, long messages, int rate)
    {
        // A simulated device has one stamp a millisecond.
        var devices = Math.Max(20, rate / 50);
        await using var up = CliProcess.Start(
            environment,
            "up",
            "--fresh",
            "--json",
            "--port",
            "0",
            "--events",
            $"{messages}",
            "--rate",
            $"{rate}",
            "--devices",
            $"{devices}");
        if (await up.EndAsync() is var ended && ended.ExitCode != 0)
        {
            throw new InvalidOperationException($"ingest up failed: {ended}");
        }

        var result = ended.Json;
        foreach (var count in new[] { "messagesSent", "stored", "rowsInTable" })
        {
            if (result.GetProperty(count).GetInt64() != messages)
            {
                throw new InvalidOperationException($"The work was not done: {count} is not {messages} in {result}.");
            }
        }

        return new Run(
            rate,
            messages,
            result.GetProperty("messagesPerSecond").GetDouble(),
            result.GetProperty("p50Milliseconds").GetDouble(),
            result.GetProperty("p99Milliseconds").GetDouble(),
            Math.Round((result.GetProperty("firstCommittedAt").GetDateTimeOffset() - up.StartedAt).TotalSeconds, 2));
    }

    private static string Text(Report report) => string.Join(
        Environment.NewLine,
        [
            string.Create(CultureInfo.InvariantCulture, $"first row after {report.FirstRowSeconds} s, packages installed, empty database"),
            .. report.Runs.Select(run => string.Create(
                CultureInfo.InvariantCulture,
                $"at {run.Rate,7:n0}/s: {run.MessagesPerSecond,9:n0} messages/s over {run.Messages:n0}, enqueued to committed p50 "
                    + $"{run.P50Milliseconds} ms, p99 {run.P99Milliseconds} ms")),
            $"{report.Machine}; load average afterwards {report.LoadAverageAfterwards}",
        ]);

    private sealed record Run(
        int Rate,
        long Messages,
        double MessagesPerSecond,
        double P50Milliseconds,
        double P99Milliseconds,
        double FirstRowSeconds);

    private sealed record Report(double FirstRowSeconds, IReadOnlyList<Run> Runs, string Machine, string? LoadAverageAfterwards);
}
