using System.CommandLine;
using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Diagnostics;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Ingest.Write;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest status</c>.</summary>
internal static class StatusCommand
{
    private static readonly Option<int> Days = Arguments.Number("--days", "How many days' rows to count, today included.", 7, 1, 366);

    public static Command Create()
    {
        var command = new Command("status", "Show checkpoints with their lag, rows by day, dead letters by reason, and missed events.")
        {
            SharedOptions.Database, SharedOptions.Hub, Days, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(ShowAsync);
        return command;
    }

    private static async Task<int> ShowAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var hub = reader.ReadOptional<HubSettings>(HubSettings.Section);
        var telemetry = reader.Read<TelemetrySettings>(TelemetrySettings.Section);
        var databaseSettings = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        var mapping = reader.Mapping(telemetry);
        reader.ThrowIfAny();

        await using var database = await CommandDatabase.OpenAsync(databaseSettings, new ProgressLines(output), cancellationToken);
        var checkpoints = await new CheckpointStore(database.DataSource).ListAsync(cancellationToken);
        var store = new StoreStatus(database.DataSource, TargetTable.Of(mapping!).Quoted);
        var days = await store.RowsByDayAsync(arguments.GetValue(Days), TimeProvider.System, cancellationToken);
        var reasons = await store.DeadLettersByReasonAsync(cancellationToken);
        var ends = hub.ConnectionString.Length > 0 ? await EndsAsync(hub, cancellationToken) : new Dictionary<(string, string), long>();
        var lines = checkpoints.Select(checkpoint => CheckpointLine.From(checkpoint, ends)).ToList();
        if (output.Json)
        {
            Output.Write(new { database = database.Name, checkpoints = lines, rowsByDay = days, deadLettersByReason = reasons });
            return ExitCode.Success;
        }

        output.Line($"database: {database.Name}");
        Print(output, lines, lagKnown: ends.Count > 0);
        Print(output, days);
        Print(output, reasons);
        return ExitCode.Success;
    }

    private static async Task<Dictionary<(string Hub, string Partition), long>> EndsAsync(HubSettings settings, CancellationToken cancellationToken)
    {
        await using var client = new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance);
        Dictionary<(string, string), long> ends = [];
        foreach (var partition in (await client.GetHubAsync(cancellationToken)).PartitionIds)
        {
            ends[(client.Hub, partition)] = (await client.GetPartitionAsync(partition, cancellationToken)).LastSequenceNumber;
        }

        return ends;
    }

    private static void Print(Output output, List<CheckpointLine> lines, bool lagKnown)
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
        }

        if (!lagKnown)
        {
            output.Line("Name the hub (--hub or Hub:ConnectionString) to see the lag.");
        }
    }

    private static Table TableOf(IEnumerable<CheckpointLine> lines)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumn("partition");
        foreach (var heading in (string[])["epoch", "at", "enqueued (UTC)", "lag", "received", "stored", "duplicate", "dead-lettered", "ignored", "missed"])
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (var line in lines)
        {
            table.AddRow(
                Markup.Escape(line.Partition),
                Text(line.Epoch),
                line.SequenceNumber is { } sequence ? Text(sequence) : "–",
                line.EnqueuedTime?.ToString("MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "–",
                line.LagEvents is { } lag ? Text(lag) : "–",
                Text(line.Received),
                Text(line.Stored),
                Text(line.Duplicate),
                Text(line.DeadLettered),
                Text(line.Ignored),
                line.Missed == 0 ? "0" : $"[red]{Text(line.Missed)}[/]");
        }

        return table;
    }

    private static void Print(Output output, IReadOnlyList<DayRows> days)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Rows by day (UTC)").AddColumns("day", "rows");
        foreach (var day in days)
        {
            table.AddRow(day.Day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Text(day.Rows));
        }

        output.Console.Write(table);
    }

    private static void Print(Output output, IReadOnlyList<ReasonCount> reasons)
    {
        if (reasons.Count == 0)
        {
            output.Line("No dead letters.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).Title("Dead letters by reason").AddColumns("reason", "count", "last received (UTC)");
        foreach (var reason in reasons)
        {
            table.AddRow(Markup.Escape(reason.Reason), Text(reason.Count), reason.LastReceivedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        }

        output.Console.Write(table);
    }

    private static string Text(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A checkpoint and its lag.</summary>
    private sealed record CheckpointLine(
        string Hub,
        string ConsumerGroup,
        string Partition,
        long Epoch,
        string? Offset,
        long? SequenceNumber,
        DateTime? EnqueuedTime,
        long? LagEvents,
        long Received,
        long Stored,
        long Duplicate,
        long DeadLettered,
        long Ignored,
        long Collisions,
        long NotKept,
        long Missed,
        DateTime UpdatedAt)
    {
        public static CheckpointLine From(StoredCheckpoint checkpoint, Dictionary<(string Hub, string Partition), long> ends)
        {
            var (key, position, accounts) = (checkpoint.Partition, checkpoint.Position, checkpoint.Accounts);
            long? lag = ends.TryGetValue((key.Hub, key.Partition), out var end) ? Math.Max(0, end - (position?.SequenceNumber ?? -1)) : null;
            return new CheckpointLine(
                key.Hub, key.ConsumerGroup, key.Partition, checkpoint.Epoch, position?.Offset, position?.SequenceNumber, position?.EnqueuedTime, lag,
                accounts.Received, accounts.Stored, accounts.Duplicate, accounts.DeadLettered, accounts.Ignored, accounts.Collisions, accounts.NotKept, accounts.Missed,
                checkpoint.UpdatedAt);
        }
    }
}
