using System.Globalization;
using Ingest.Cli.Terminal;
using Spectre.Console;

namespace Ingest.Cli.Up;

/// <summary>The closed counts of a run, for people.</summary>
internal static class UpSummary
{
    public static void Print(Output output, UpReport report)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Counts");
        table.AddColumn("");
        table.AddColumn(new TableColumn("this run").RightAligned());
        if (report.Replay is not null)
        {
            table.AddColumn(new TableColumn("replay").RightAligned());
        }

        Row("received", report.Received, report.Replay?.Received);
        Row("stored", report.Stored, report.Replay?.Stored);
        Row("duplicate", report.Duplicate, report.Replay?.Duplicate);
        Row("dead-lettered", report.DeadLettered, report.Replay?.DeadLettered);
        Row("ignored", report.Ignored, report.Replay?.Ignored);
        Row("of the stored: collisions", report.Collisions, report.Replay?.Collisions);
        output.Console.Write(table);
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.MessagesSent:#,0} messages sent, {report.MessagesPerSecond:#,0} a second stored; enqueued → committed p50 "
                + $"{report.P50Milliseconds} ms, p99 {report.P99Milliseconds} ms; {report.Missed} missed; {report.RowsInTable:#,0} rows "
                + $"in the table, counted by SQL."));
        if (report.Problems.Count == 0)
        {
            output.Line("The counts add up: received = stored + duplicate + dead-lettered + ignored, and SQL counts the same.");
            return;
        }

        output.Line("The counts do not agree:");
        foreach (var problem in report.Problems)
        {
            output.Line("  - " + problem);
        }

        void Row(string name, long run, long? replay)
        {
            List<string> cells = [name, Number(run)];
            if (replay is { } value)
            {
                cells.Add(Number(value));
            }

            table.AddRow([.. cells]);
        }
    }

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
