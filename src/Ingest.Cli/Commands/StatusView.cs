using System.Globalization;
using Ingest.Cli.Terminal;
using Ingest.Diagnostics;
using Ingest.Worker.Hosting;
using Ingest.Worker.Partitions;
using Spectre.Console;

namespace Ingest.Cli.Commands;

/// <summary>What <c>ingest status</c> shows to people.</summary>
internal sealed class StatusView(Output output)
{
    /// <summary>How the worker stands.</summary>
    /// <param name="answer">What asking it brought.</param>
    /// <param name="withPartitions">Whether to show its own view of the partitions: where the stored one cannot be had.</param>
    public void Show(WorkerAnswer answer, bool withPartitions)
    {
        if (answer.Report is not { } report)
        {
            output.Line($"worker: {answer.Error}");
            return;
        }

        var database = report.Database;
        output.Line(
            $"worker {report.Worker}: {answer.Url!.GetLeftPart(UriPartial.Authority)} reads {report.Hub}, consumer group "
                + $"{report.ConsumerGroup}: {(report.Ready ? "ready" : "not ready")}");
        output.Line($"  {StateText(database.State)} since {Text(database.Since)}{RetryText(database.Retry)}; {Text(database.Retries)} "
            + "retries; "
            + $"{Text(database.QueuedMessages)} messages in {Text(database.QueuedBatches)} batches not stored yet");
        if (report.WaitsFor is { } waitsFor)
        {
            output.Line($"  waits: {waitsFor}");
        }

        if (database.Error is { } error)
        {
            output.Line($"  waits: {error}");
        }
        else if (database.LastError is { } last)
        {
            output.Line($"  last error, over now: {last}");
        }

        foreach (var partition in report.Partitions.Where(partition => !partition.IsAttached))
        {
            output.Line($"  partition {partition.Partition} is not being read: {partition.LastError ?? "connecting"}");
        }

        if (withPartitions && report.Partitions.Count > 0)
        {
            output.Console.Write(TableOf(report.Partitions));
        }
    }

    /// <summary>What the database says, or why it does not.</summary>
    public void Show(string database, StoredState? stored, string? databaseError, string? hubError, bool lagKnown)
    {
        output.Line($"database: {database}{(databaseError is null ? "" : $": {databaseError}")}");
        if (hubError is not null)
        {
            output.Line($"hub: {hubError}");
        }

        if (stored is not null)
        {
            Print(stored.Checkpoints, lagKnown || hubError is not null);
            Print(stored.Days);
            Print(stored.Reasons);
            Print(stored.DeadLetters);
        }
    }

    private static Table ByPartition(string[] headings)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("partition");
        foreach (var heading in headings)
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        return table;
    }

    private static Table TableOf(IEnumerable<PartitionStatus> partitions)
    {
        var table = ByPartition(["epoch", "at", "end", "lag", "seconds", "held", "reconnects"]).Title("As the worker sees it");
        foreach (var partition in partitions)
        {
            table.AddRow(
                Output.Cell(partition.Partition),
                Text(partition.Epoch),
                Text(partition.LastSequenceNumber),
                Text(partition.EndSequenceNumber),
                Text(partition.LagEvents),
                partition.Lag?.TotalSeconds.ToString("#,0.0", CultureInfo.InvariantCulture) ?? "–",
                Text(partition.Held),
                Text(partition.Reconnects));
        }

        return table;
    }

    private void Print(IReadOnlyList<CheckpointLine> lines, bool lagKnown)
    {
        if (lines.Count == 0)
        {
            output.Line("No worker has stored a checkpoint yet.");
            return;
        }

        foreach (var group in lines.GroupBy(line => $"{line.Hub}, consumer group {line.ConsumerGroup}"))
        {
            output.Line(group.Key);
            output.Console.Write(TableOf(group));
            foreach (var owner in group.Where(line => line.Owner is not null).GroupBy(line => line.Owner))
            {
                output.Line(
                    $"  {owner.Key} reads "
                        + $"{string.Join(", ", owner.Select(line => $"{line.Partition} since {Since(line.OwnedSince!.Value)}"))}");
            }
        }

        if (!lagKnown)
        {
            output.Line("Name the hub (--hub or Hub:ConnectionString) to see the lag.");
        }
    }

    private static Table TableOf(IEnumerable<CheckpointLine> lines)
    {
        var table = ByPartition(
            ["epoch", "at", "enqueued (UTC)", "lag", "received", "stored", "duplicate", "dead-lettered", "ignored", "missed"]);
        foreach (var line in lines)
        {
            table.AddRow(
                Output.Cell(line.Partition),
                Text(line.Epoch),
                Text(line.SequenceNumber),
                line.EnqueuedTime?.ToString("MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "–",
                Text(line.LagEvents),
                Text(line.Received),
                Text(line.Stored),
                Text(line.Duplicate),
                Text(line.DeadLettered),
                Text(line.Ignored),
                line.Missed == 0 ? "0" : $"[red]{Text(line.Missed)}[/]");
        }

        return table;
    }

    private void Print(IReadOnlyList<DayRows> days)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Rows by day (UTC)").AddColumns("day", "rows");
        foreach (var day in days)
        {
            table.AddRow(day.Day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Text(day.Rows));
        }

        output.Console.Write(table);
    }

    private void Print(IReadOnlyList<ReasonCount> reasons)
    {
        if (reasons.Count == 0)
        {
            output.Line("No open dead letters.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).Title("Open dead letters by reason").AddColumns(
            "reason", "count", "last received (UTC)");
        foreach (var reason in reasons)
        {
            table.AddRow(
                Output.Cell(reason.Reason),
                Text(reason.Count),
                reason.LastReceivedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        }

        output.Console.Write(table);
    }

    private void Print(DeadLetterAccounts accounts)
    {
        output.Line(
            $"dead-lettered {Text(accounts.DeadLettered)} = open {Text(accounts.Open)} + stored since {Text(accounts.Stored)} + duplicate "
                + $"since {Text(accounts.Duplicate)} + discarded {Text(accounts.Discarded)} + not kept {Text(accounts.NotKept)} + past "
                + $"retention {Text(accounts.PastRetention)}");
        if (!accounts.Balance)
        {
            output.Line("  These do not add up: somebody has changed the tables by hand. The view dead_letter_accounts shows which days.");
        }
    }

    private static string Text(long? value) => value?.ToString("#,0", CultureInfo.InvariantCulture) ?? "–";

    private static string Since(DateTime time) => time.ToString("MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    private static string RetryText(RetryState retry) => retry switch
    {
        RetryState.Idle => "",
        RetryState.Waiting => ", waiting to try again",
        _ => ", trying again",
    };

    private static string StateText(PipelineState state) => state switch
    {
        PipelineState.Working => "working",
        PipelineState.Outage => "an outage of the database",
        _ => "an operator is needed",
    };
}
