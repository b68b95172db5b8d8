using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ingest.Benchmarks;

/// <summary>
/// The write path against plain binary COPY into the same indexed, empty table, in interleaved pairs: the pipeline from messages to commit,
/// and the ways that other tools take. Every figure is a median of the pairs, and every run's rows are counted.
/// </summary>
internal static partial class WriteBenchmark
{
    private static readonly string[] Ways = ["ingest", "copyNew", "unnest", "stagedCopy", "multiRowValues", "singleRowsBatched",
        "statementPerEvent"];
    private static readonly string[] Cases =
        ["new", "allDuplicates", "onePercent", "halfDuplicates", "smallBatches", "skewedPartitions", "latency", "narrow"];

    public static Command Command()
    {
        var database = new Option<string?>("--database")
        {
            Description = "A server to measure, by a connection string that may create databases. Default: a PostgreSQL of its own.",
        };
        var rows =
            new Option<int>("--rows") { Description = "Rows a run; slow ways write a part of them.", DefaultValueFactory = _ => 1_000_000 };
        var flush = new Option<int>("--flush") { Description = "Rows a transaction.", DefaultValueFactory = _ => 5_000 };
        var connections = new Option<int>("--connections") { Description = "Connections of each way.", DefaultValueFactory = _ => 1 };
        var latency =
            new Option<string>("--latency") { Description = "Round trip added in the case latency.", DefaultValueFactory = _ => "2ms" };
        var pairs =
            new Option<int>("--pairs") { Description = "How often each way is measured against COPY.", DefaultValueFactory = _ => 7 };
        var cases = Names("--cases", "The cases.", Cases);
        var ways = Names("--ways", "The ways.", Ways);
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var chart = new Option<FileInfo?>("--chart") { Description = "Write the chart of the README to this file." };
        var command = new Command("write", "The pipeline and other ways into the table, against plain COPY.")
        {
            database,
            rows,
            flush,
            connections,
            latency,
            pairs,
            cases,
            ways,
            json,
            chart,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var plan = new WriteBenchmarkPlan(
                result.GetValue(rows),
                result.GetValue(flush),
                result.GetValue(connections),
                Milliseconds(result.GetValue(latency)!),
                result.GetValue(pairs));
            var report =
                await RunAsync(result.GetValue(database), plan, result.GetValue(cases)!, result.GetValue(ways)!, cancellationToken);
            Console.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(report, WriteReportJson.Default.WriteReport) : Text(report));
            if (result.GetValue(chart) is { } file)
            {
                await File.WriteAllTextAsync(file.FullName, WriteBenchmarkChart.Draw(report), cancellationToken);
            }
        });
        return command;
    }

    private static Option<string[]> Names(string name, string description, string[] all)
    {
        var option = new Option<string[]>(name)
        {
            Description = $"{description} Default: all, {string.Join(' ', all)}.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => all,
        };
        option.AcceptOnlyFromAmong(all);
        return option;
    }

    private static TimeSpan Milliseconds(string text) =>
        TimeSpan.FromMilliseconds(
            double.Parse(text.EndsWith("ms", StringComparison.Ordinal) ? text[..^2] : text, CultureInfo.InvariantCulture));

    private static async Task<WriteReport> RunAsync(
        string? database,
        WriteBenchmarkPlan plan,
        string[] cases,
        string[] ways,
        CancellationToken cancellationToken)
    {
        await using var server = await WriteBenchmarkServer.StartAsync(database, cancellationToken);
        var load = Load();
        var figures = new List<WriteFigures>();
        foreach (var name in Cases.Intersect(cases))
        {
            await using var run = new WriteBenchmarkRun(server, plan, name);
            var copies = new List<WriteRun>();
            var measured = new List<WriteFigures>();
            foreach (var way in Ways.Intersect(ways).Where(run.Takes))
            {
                var pairs = new List<(WriteRun Way, WriteRun Copy)>();
                for (var pair = -1; pair < plan.Pairs; pair++)
                {
                    // Who goes first changes, as the second finds a warmer machine.
                    var first = pair % 2 == 0 ? await run.RunAsync("copy", cancellationToken) : null;
                    var own = await run.RunAsync(way, cancellationToken);
                    var copy = first ?? await run.RunAsync("copy", cancellationToken);
                    if (pair >= 0)
                    {
                        pairs.Add((own, copy));
                        copies.Add(copy);
                    }
                }

                measured.Add(WriteFigures.Of(name, way, pairs));
                await Console.Error.WriteLineAsync(Line(measured[^1]));
            }

            figures.Add(WriteFigures.Of(name, "copy", [.. copies.Select(copy => (copy, copy))]));
            await Console.Error.WriteLineAsync(Line(figures[^1]));
            figures.AddRange(measured);
        }

        return new WriteReport(
            figures,
            plan.Rows,
            plan.Flush,
            plan.Connections,
            plan.Latency.TotalMilliseconds,
            server.Description,
            $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {Environment.ProcessorCount} cores for "
                + "client and server",
            $"{load} at the start, {Load()} at the end");
    }

    private static string Load() =>
        OperatingSystem.IsLinux() ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]) : "unknown";

    private static string Text(WriteReport report)
    {
        string[] head =
        [
            $"case              way                   rows/s  of COPY  CPU s/M client  server (of COPY)  bytes/event  WAL bytes/row  "
                + "rows × pairs",
        ];
        string[] foot =
        [
            string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Flush:n0} rows a flush, {report.Connections} connection(s), {report.LatencyMilliseconds} ms added in the case "
                    + $"latency"),
            report.Server,
            $"{report.Machine}; load average {report.Load}",
        ];
        return string.Join(Environment.NewLine, [.. head, .. report.Cases.Select(Line), .. foot]);
    }

    private static string Line(WriteFigures figures) => string.Create(
        CultureInfo.InvariantCulture,
        $"{figures.Name,-17} {figures.Way,-18} {figures.RowsPerSecond,10:n0} {figures.RatioToCopy,8:f3} "
            + $"{figures.ClientCpuSecondsPerMillion,15:f2} {figures.ServerCpuSecondsPerMillion,7:f2} "
            + $"({figures.ServerCpuRatioToCopy,7:f3}) {figures.BytesAllocatedPerEvent,12:f1} {figures.WalBytesPerRow,14:f1}  "
            + $"{figures.Rows:n0} × {figures.Pairs}");

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
    [JsonSerializable(typeof(WriteReport))]
    private sealed partial class WriteReportJson : JsonSerializerContext;
}

/// <summary>What is measured.</summary>
internal sealed record WriteBenchmarkPlan(int Rows, int Flush, int Connections, TimeSpan Latency, int Pairs);

/// <summary>The report; <paramref name="Load"/> is the load average over 1, 5 and 15 minutes.</summary>
internal sealed record WriteReport(
    IReadOnlyList<WriteFigures> Cases,
    int Rows,
    int Flush,
    int Connections,
    double LatencyMilliseconds,
    string Server,
    string Machine,
    string Load);

/// <summary>One run's figures.</summary>
internal sealed record WriteRun(
    int Rows,
    double Seconds,
    double ClientCpuSeconds,
    double? ServerCpuSeconds,
    long BytesAllocated,
    long WalBytes)
{
    public double RowsPerSecond => Rows / Seconds;

    public double? ServerCpuPerRow => ServerCpuSeconds / Rows;
}

/// <summary>The medians of a way in a case.</summary>
/// <param name="Name">The case.</param>
/// <param name="Way">The way.</param>
/// <param name="RowsPerSecond">Rows sent a second, duplicates too.</param>
/// <param name="RatioToCopy">The same, relative to plain COPY of the same rows into the empty table.</param>
/// <param name="ClientCpuSecondsPerMillion">CPU of this process; in the case latency with the relay's.</param>
/// <param name="ServerCpuSecondsPerMillion">CPU of all processes of the server; null where it runs elsewhere.</param>
/// <param name="ServerCpuRatioToCopy">The same, relative to plain COPY.</param>
/// <param name="BytesAllocatedPerEvent">Managed bytes, from the message (or the typed value) to the answer.</param>
/// <param name="WalBytesPerRow">Write-ahead log a row sent.</param>
/// <param name="Rows">Rows a run.</param>
/// <param name="Pairs">Pairs measured.</param>
internal sealed record WriteFigures(
    string Name,
    string Way,
    long RowsPerSecond,
    double RatioToCopy,
    double ClientCpuSecondsPerMillion,
    double? ServerCpuSecondsPerMillion,
    double? ServerCpuRatioToCopy,
    double BytesAllocatedPerEvent,
    double WalBytesPerRow,
    int Rows,
    int Pairs)
{
    public static WriteFigures Of(string name, string way, IReadOnlyList<(WriteRun Way, WriteRun Copy)> pairs)
    {
        return new WriteFigures(
            name,
            way,
            (long)Median(pair => pair.Way.RowsPerSecond),
            Math.Round(Median(pair => pair.Way.RowsPerSecond / pair.Copy.RowsPerSecond), 3),
            Math.Round(Median(pair => pair.Way.ClientCpuSeconds / pair.Way.Rows) * 1e6, 3),
            pairs[0].Way.ServerCpuSeconds is null ? null : Math.Round(Median(pair => pair.Way.ServerCpuPerRow!.Value) * 1e6, 3),
            pairs[0].Way.ServerCpuSeconds is null
                ? null
                : Math.Round(Median(pair => pair.Way.ServerCpuPerRow!.Value / pair.Copy.ServerCpuPerRow!.Value), 3),
            Math.Round(Median(pair => (double)pair.Way.BytesAllocated / pair.Way.Rows), 1),
            Math.Round(Median(pair => (double)pair.Way.WalBytes / pair.Way.Rows), 1),
            pairs[0].Way.Rows,
            pairs.Count);

        double Median(Func<(WriteRun Way, WriteRun Copy), double> figure)
        {
            var sorted = pairs.Select(figure).Order().ToArray();
            return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        }
    }
}
