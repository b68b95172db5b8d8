using System.Globalization;
using Ingest.Cli.Terminal;
using Ingest.Events;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ingest.Cli.Up;

/// <summary>A partition in the live view.</summary>
/// <param name="Partition">Its id.</param>
/// <param name="Committed">The sequence number of the last event committed, or null.</param>
/// <param name="LagEvents">Events enqueued and not yet committed.</param>
/// <param name="LagSeconds">The age of the oldest of them.</param>
internal sealed record PartitionView(string Partition, long? Committed, long? LagEvents, double? LagSeconds);

/// <summary>One moment of a run.</summary>
internal sealed record UpMoment(
    string Title,
    string Database,
    TimeSpan Elapsed,
    long MessagesSent,
    double SentPerSecond,
    double CommittedPerSecond,
    ReadingCounts Counts,
    double? P50,
    double? P99,
    IReadOnlyList<PartitionView> Partitions,
    IReadOnlyList<LastMessage> Last,
    string? Warning);

/// <summary>Draws a moment: as a table that redraws itself, or as one plain line.</summary>
internal static class UpView
{
    public static IRenderable Draw(UpMoment moment)
    {
        var table = new Table().Border(TableBorder.Rounded).Expand();
        foreach (var heading in (string[])["received", "stored", "duplicate", "dead-lettered", "ignored", "collisions", "missed"])
        {
            table.AddColumn(new TableColumn($"[grey]{heading}[/]").RightAligned());
        }

        var counts = moment.Counts;
        table.AddRow(
            $"[bold]{Number(counts.Received)}[/]",
            $"[green]{Number(counts.Stored)}[/]",
            Number(counts.Duplicate),
            Coloured(counts.DeadLettered, "yellow"),
            Number(counts.Ignored),
            Number(counts.Collisions),
            Coloured(counts.Missed, "red"));

        var partitions = new Table().Border(TableBorder.Rounded).Expand();
        partitions.AddColumn("[grey]partition[/]");
        partitions.AddColumn(new TableColumn("[grey]committed up to[/]").RightAligned());
        partitions.AddColumn(new TableColumn("[grey]lag, events[/]").RightAligned());
        partitions.AddColumn(new TableColumn("[grey]lag, seconds[/]").RightAligned());
        foreach (var partition in moment.Partitions)
        {
            partitions.AddRow(
                Output.Cell(partition.Partition),
                partition.Committed is { } sequence ? Number(sequence) : "–",
                partition.LagEvents is { } events ? Number(events) : "–",
                partition.LagSeconds is { } seconds ? seconds.ToString("0.0", CultureInfo.InvariantCulture) : "–");
        }

        var last = new Table().Border(TableBorder.Rounded).Expand();
        last.AddColumn("[grey]enqueued (UTC)[/]");
        last.AddColumn("[grey]device[/]");
        last.AddColumn("[grey]last messages[/]");
        foreach (var message in moment.Last)
        {
            last.AddRow(
                message.Time?.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture) ?? "–",
                Output.Cell(message.Device),
                Output.Cell(message.Text));
        }

        List<IRenderable> rows =
        [
            new Markup($"[bold]{Output.Cell(moment.Title)}[/] → {Output.Cell(moment.Database)}   [grey]{moment.Elapsed:hh\\:mm\\:ss}[/]"),
            new Markup(
                $"sent [bold]{Number(moment.MessagesSent)}[/] ({Rate(moment.SentPerSecond)})   committed "
                    + $"{Rate(moment.CommittedPerSecond)}   " +
                $"enqueued → committed p50 [bold]{Milliseconds(moment.P50)}[/]  p99 [bold]{Milliseconds(moment.P99)}[/]"),
            table,
            partitions,
            last,
            moment.Warning is { } warning ? new Markup($"[yellow]{Output.Cell(warning)}[/]") : new Markup(
                "[grey]Ctrl-C drains and prints the counts[/]"),
        ];
        return new Rows(rows);
    }

    public static string Line(UpMoment moment)
    {
        var counts = moment.Counts;
        var lag = moment.Partitions.Sum(partition => partition.LagEvents ?? 0);
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{moment.Elapsed:hh\\:mm\\:ss} sent={moment.MessagesSent} committed/s={moment.CommittedPerSecond:0} "
                + $"received={counts.Received} stored={counts.Stored} duplicate={counts.Duplicate} "
                + $"deadLettered={counts.DeadLettered} ignored={counts.Ignored} collisions={counts.Collisions} "
                + $"missed={counts.Missed} lag={lag} p50={Milliseconds(moment.P50)} p99={Milliseconds(moment.P99)}");
        return moment.Warning is { } warning ? $"{line} — {warning}" : line;
    }

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Coloured(long value, string colour) => value == 0 ? "0" : $"[{colour}]{Number(value)}[/]";

    private static string Rate(double perSecond) => perSecond.ToString("#,0", CultureInfo.InvariantCulture) + "/s";

    private static string Milliseconds(double? value) =>
        value is { } known ? known.ToString("0.#", CultureInfo.InvariantCulture) + " ms" : "–";
}
