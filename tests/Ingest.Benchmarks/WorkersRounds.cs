using System.CommandLine;
using System.Globalization;
using Ingest.TestSupport.Faults;

namespace Ingest.Benchmarks;

/// <summary>The long run of workers that come and go, which the tests run briefly.</summary>
internal static class WorkersRounds
{
    /// <summary>What <c>--only</c> calls it.</summary>
    public const string Name = "workers";

    private static readonly Option<int> Workers = Number("--workers", "how many share the partitions", 3);
    private static readonly Option<int> Partitions = Number("--partitions", "of the hub", 32);
    private static readonly Option<int> Rate = Number("--rate", "messages a second", 2_000);
    private static readonly Option<int> Seconds = Number("--seconds", "how long workers are stopped and started", 180);
    private static readonly Option<int> Alone = Number(
        "--alone", "how many are stopped in either way before that, each while all is well", 2);
    private static readonly Option<int> Expiry = Number(
        "--expiry", "seconds without renewal after which a worker's partitions are free", 30);
    private static readonly Option<int> Balance = Number("--balance", "seconds between renewals", 3);

    public static IReadOnlyList<Option> Options => [Workers, Partitions, Rate, Seconds, Alone, Expiry, Balance];

    public static WorkersRoundOptions Read(ParseResult result) => new(
        result.GetValue(Workers),
        result.GetValue(Partitions),
        result.GetValue(Rate),
        result.GetValue(Seconds),
        result.GetValue(Alone),
        result.GetValue(Expiry),
        result.GetValue(Balance));

    public static string Text(WorkersReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        {Name} seed {report.Seed}: {report.Counts.Received} received = {report.Counts.Stored} + {report.Counts.Duplicate} + {report.Counts.DeadLettered} + {report.Counts.Ignored}; {report.Killed} killed, {report.Terminated} terminated, {report.Outages} outages of up to {report.LongestOutageSeconds} s; even after {report.EvenAfterSeconds} s: {string.Join(", ", report.Shares)}
             without a reader after SIGKILL {Text(report.AfterKill)}
             after SIGTERM {Text(report.AfterTerminate)}
             after either, one upon the other {Text(report.InTheMix)}
             with nobody stopped {Text(report.Moved)}
        """);

    private static string Text(GapFigures figures) => string.Create(
        CultureInfo.InvariantCulture,
        $"{figures.MedianSeconds} s, at most {figures.MaxSeconds} s ({figures.Count} times)");

    private static Option<int> Number(string name, string what, int usual) =>
        new(name) { Description = $"For --only {Name}: {what}.", DefaultValueFactory = _ => usual };
}
