using System.CommandLine;
using System.Globalization;
using Ingest.Audit;
using Ingest.Checkpoints;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Schema;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest audit</c>.</summary>
internal static class AuditCommand
{
    private static readonly Option<DateTimeOffset?> From = Required(Arguments.Time(
        "--from", "The first stamp to audit: ISO 8601 (UTC), or a span back from now like 6h (required)."));

    private static readonly Option<DateTimeOffset?> To = Required(Arguments.Time(
        "--to", "The stamp to end before (required). Messages that a worker has not read yet are counted apart."));

    private static readonly Option<string?> Location = new("--archive")
    {
        Description = "Read the messages from the files of an archive, as for replay. Default: from the hub.",
        HelpName = "folder or container URL",
    };

    private static readonly Option<string> Prefix = new("--prefix")
    {
        Description = "With --archive: only files whose path in it begins so. Rows without a message are then not looked for.",
        HelpName = "path",
        DefaultValueFactory = _ => "",
    };

    private static readonly Option<int> List = Arguments.Number(
        "--list", "How many findings to print. With --json all of them are printed, one JSON object per line.", 50, 0, 1_000_000);

    // IoT Hub stamps a message some hundred milliseconds before the hub takes it.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var command = new Command(
            "audit",
            "Read the messages of a range again, and look for each of their readings: it must be a row, a dead letter, or ignored. Name "
                + "those that are missing, those whose rows have other values, and rows without a message. Changes nothing.")
        {
            From, To, Location, Prefix, ReplayCommand.Group, List, SharedOptions.Hub, SharedOptions.Database, SharedOptions.Set,
            SharedOptions.Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var location = arguments.GetValue(Location);
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = PipelineSettings.Read(reader, needsHub: location is null);
        var mapping = reader.Mapping(settings.Telemetry);
        var login = reader.ReadOptional<ArchiveSettings>(ArchiveSettings.Section);
        var range = Range(arguments, reader);
        reader.ThrowIfAny();

        using var signals = new ShutdownSignals(TimeProvider.System);
        using var loggers = Logging.ToStandardError(LogLevel.Warning);
        await using var dataSource = DatabaseLogin.Connect(settings.Database, loggers);
        var checkpoints = new CheckpointTable(dataSource);
        var read = location is null ? new WorkersProgress() : null;
        await using var audit = new ReadingAudit(
            dataSource,
            mapping!,
            new IngestSettings { Telemetry = settings.Telemetry, Commit = settings.Commit, DeadLetters = settings.DeadLetters },
            message => read?.IsBefore(message) == true,
            TimeProvider.System);

        Task<StartUpReport> CheckAsync(HubClient? hub) => StartUpCheck.RunAsync(
            hub,
            arguments.GetValue(ReplayCommand.Group)!,
            dataSource,
            TargetTable.Of(mapping!),
            settings.Database,
            output.Line,
            signals.Stop);

        try
        {
            if (read is null)
            {
                (await CheckAsync(null)).ThrowIfAny();
                Archive archive = BlobArchive.IsUrl(location!)
                    ? BlobArchive.Open(location!, login, HubLogin.Credential)
                    : new FolderArchive(location!);
                var problems = await ReadArchiveAsync(
                    output, archive, arguments.GetValue(Prefix)!, range, settings.Telemetry.Table, mapping!, audit, signals.Stop);
                var rows = arguments.GetValue(Prefix)!.Length > 0 ? null : Rows(range, audit, output);
                return await TellAsync(output, arguments, audit, problems, rows, signals.Stop);
            }

            await using var hub = await HubSide.OpenAsync(
                arguments.GetValue(ReplayCommand.Group)!,
                settings.Hub,
                CheckAsync,
                checkpoints,
                (mapping!.Fields, audit.ProcessAsync),
                loggers,
                output,
                signals.Stop);
            read.Take(hub.Name, settings.Hub.ConsumerGroup, await checkpoints.ListAsync(signals.Stop));
            _ = await hub.ReplayAsync(range, partition: null, signals.Stop);
            var from = hub.GoneUntil is { } gone && gone + Margin > range.From ? gone + Margin : range.From;
            if (from > range.From)
            {
                output.Line(string.Create(
                    CultureInfo.InvariantCulture,
                    $"the hub has kept some partition only from {hub.GoneUntil:O} on: what is older is not audited. An archive may have it "
                        + $"(--archive)."));
            }

            return await TellAsync(
                output, arguments, audit, [], Rows(range with { From = from }, audit, output), signals.Stop);
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            throw new CommandException("Stopped before the end of the range: nothing can be said about it.", ExitCode.Failure);
        }
    }

    private static Option<DateTimeOffset?> Required(Option<DateTimeOffset?> option)
    {
        option.Required = true;
        return option;
    }

    // On whole milliseconds, as stamps are: the rows of a stamp lie within its millisecond.
    private static ReplayRange Range(ParseResult arguments, SettingsReader reader)
    {
        var (from, to) = (arguments.GetValue(From)!.Value, arguments.GetValue(To)!.Value);
        if (to <= from)
        {
            reader.Add($"--to {to.UtcDateTime:O} is not after --from {from.UtcDateTime:O}.");
        }

        return new ReplayRange(Floor(from), Floor(to));
    }

    private static DateTime Floor(DateTimeOffset time) => Instant.Of(time.UtcDateTime).FloorToMillisecond().ToDateTime();

    private static (DateTime From, DateTime To)? Rows(ReplayRange range, ReadingAudit audit, Output output)
    {
        if (!audit.RowsAreStamped)
        {
            output.Line(
                "rows without a message are not looked for: with Telemetry:TimeSource the rows of a range of messages can have any time");
            return null;
        }

        return range.From < range.To!.Value ? (range.From, range.To.Value) : null;
    }

    private static async Task<IReadOnlyList<ArchiveProblem>> ReadArchiveAsync(
        Output output,
        Archive archive,
        string prefix,
        ReplayRange range,
        string table,
        TelemetryMapping mapping,
        ReadingAudit audit,
        CancellationToken cancellationToken)
    {
        var plan = await ArchivePlan.MakeAsync(archive, prefix, cancellationToken);
        ArchiveReplayCommand.Tell(output, plan);
        var options = new ArchiveReplayOptions(range, table, mapping.Fields);
        if (await plan.FindOtherStampsAsync(options, cancellationToken) is { } otherStamps)
        {
            throw new CommandException($"{otherStamps}. Its messages cannot be compared with the table's rows.");
        }

        var replay = new ArchiveReplay(plan, options, audit.ProcessAsync, checkpoints: null);
        var result = await new ArchiveReplayScreen(output, TimeProvider.System).ShowAsync(
            report => replay.RunAsync(report, cancellationToken));
        return result.Problems;
    }

    private static async Task<int> TellAsync(
        Output output,
        ParseResult arguments,
        ReadingAudit audit,
        IReadOnlyList<ArchiveProblem> problems,
        (DateTime From, DateTime To)? rows,
        CancellationToken cancellationToken)
    {
        var (listed, most) = (0L, arguments.GetValue(List));
        await foreach (var finding in audit.FindingsAsync(rows, cancellationToken))
        {
            if (output.Json)
            {
                Output.Write(finding);
            }
            else if (listed < most)
            {
                output.Line(FindingText.Of(finding, arguments.GetResult(Location) is not null));
            }

            listed++;
        }

        if (!output.Json && listed > most)
        {
            output.Line(string.Create(
                CultureInfo.InvariantCulture, $"… and {listed - most:#,0} more: --list shows more of them, --json all"));
        }

        var counts = audit.Counts;
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"received {counts.Received} = rows {counts.Found} + dead-lettered {counts.DeadLettered} + dead letters not kept "
                + $"{counts.NotKept} or past retention {counts.PastRetention} + ignored {counts.Ignored} + not yet read "
                + $"{counts.NotYetRead} + missing {counts.Missing} + different {counts.Different}; rows without a message "
                + $"{counts.Unexplained}"));
        if (output.Json)
        {
            Output.Write(counts);
        }

        if (problems.Count > 0)
        {
            throw new CommandException(
                ErrorLines.List("Some files could not be read to their end:", problems.Select(problem => problem.Sentence)),
                ExitCode.Failure);
        }

        return counts.IsClean && counts.Balance ? ExitCode.Success : ExitCode.Failure;
    }
}
