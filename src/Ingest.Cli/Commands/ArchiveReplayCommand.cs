using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest replay --archive</c>.</summary>
internal static class ArchiveReplayCommand
{
    private static readonly Option<string?> Location = new("--archive")
    {
        Description =
            "Read files instead of the hub: what IoT Hub's message routing (Avro, JSON lines) or Event Hubs Capture has written to a "
                + "folder or a container of blobs. Started again, it goes on where it ended.",
        HelpName = "folder or container URL",
    };

    private static readonly Option<string> Prefix = new("--prefix")
    {
        Description = "With --archive: only files whose path in it begins so.",
        HelpName = "path",
        DefaultValueFactory = _ => "",
    };

    private static readonly Option<bool> AcceptOtherStamps = new("--accept-other-stamps")
    {
        Description =
            "With --archive: continue even if its stamps cannot equal those of live rows; what is stored already is then stored again.",
    };

    private static readonly Option<string?> PathTemplate = new("--path-template")
    {
        Description =
            "With --archive and --from or --to: how paths are made, as the endpoint says, to leave out files that cannot hold the range: "
                + "{iothub} {partition} {YYYY} {MM} {DD} {HH} {mm} in any order. Default: every file is read.",
        HelpName = "template",
    };

    private static readonly Option<bool> Restart = new("--restart")
    {
        Description = "With --archive: read every file from its begin, whatever an earlier run has read.",
    };

    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "With --archive: read and decode, and count; store nothing, and need no database.",
    };

    private static readonly Option<bool> UntilLive = new("--until-live")
    {
        Description = "With --archive: go on with the hub where the archive ends, and say where there is a gap between them.",
    };

    private static readonly TimeSpan Overlap = TimeSpan.FromDays(1);

    public static void AddTo(Command command)
    {
        command.Add(Location);
        command.Add(Prefix);
        command.Add(PathTemplate);
        command.Add(Restart);
        command.Add(DryRun);
        command.Add(UntilLive);
        command.Add(AcceptOtherStamps);
    }

    public static bool IsWanted(CommandResult arguments) => arguments.GetResult(Location) is not null;

    /// <summary>Adds an error where options contradict each other.</summary>
    public static void Check(CommandResult arguments)
    {
        var (dryRun, untilLive) = (arguments.GetValue(DryRun), arguments.GetValue(UntilLive));
        if (untilLive && (dryRun || arguments.GetResult(ReplayCommand.To) is not null))
        {
            arguments.AddError($"--until-live reads to the end of the hub: leave out {(dryRun ? "--dry-run" : "--to")}.");
        }

        foreach (var option in (Option[])[ReplayCommand.Partition, ReplayCommand.Group, SharedOptions.Hub])
        {
            if (!untilLive && arguments.GetResult(option) is { Implicit: false })
            {
                arguments.AddError($"{option.Name} is for reading the hub: leave out --archive, or add --until-live.");
            }
        }
    }

    public static async Task<int> RunAsync(ParseResult arguments, Output output)
    {
        var (dryRun, untilLive) = (arguments.GetValue(DryRun), arguments.GetValue(UntilLive));
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = PipelineSettings.Read(reader, needsHub: untilLive, needsDatabase: !dryRun);
        var mapping = reader.Mapping(settings.Telemetry);
        var range = ReplayCommand.Range(arguments, reader);
        var login = reader.ReadOptional<ArchiveSettings>(ArchiveSettings.Section);
        var template = Template(arguments, reader);
        reader.ThrowIfAny();
        var options = new ArchiveReplayOptions(
            range, settings.Telemetry.Table, mapping!.Fields, arguments.GetValue(AcceptOtherStamps));
        settings.Commit.AcceptDifferences |= arguments.GetValue(ReplayCommand.AcceptDifferences);

        using var signals = new ShutdownSignals(TimeProvider.System);
        using var loggers = Logging.ToStandardError(LogLevel.Warning);
        var location = arguments.GetValue(Location)!;
        Archive archive = BlobArchive.IsUrl(location)
            ? BlobArchive.Open(location, login, HubLogin.Credential)
            : new FolderArchive(location);
        var plan = await ArchivePlan.MakeAsync(archive, arguments.GetValue(Prefix)!, signals.Stop);
        plan = template is null ? plan : plan.Prune(template, options.Range);
        Tell(output, plan);
        if (!options.AcceptOtherStamps && await plan.FindOtherStampsAsync(options, signals.Stop) is { } otherStamps)
        {
            throw new CommandException($"{otherStamps}. To store them all the same, add --accept-other-stamps.");
        }

        if (dryRun)
        {
            output.Line("dry run: nothing is stored; 'stored' counts what would be a row, new or there already");
            var decoder = new BatchDecoder(mapping!, settings.Telemetry, TimeProvider.System);
            return Tell(output, await ReplayAsync(
                output,
                new ArchiveReplay(
                    plan,
                    options,
                    (events, _, _) => Task.FromResult(new BatchResult(decoder.Count(events), default)),
                    checkpoints: null),
                signals.Stop));
        }

        await using var parts = PipelineComposition.Create(settings, mapping!, Purpose.Replay, loggers);
        await using var hub = untilLive
            ? await HubSide.OpenAsync(arguments.GetValue(ReplayCommand.Group)!, parts, loggers, output, signals.Stop)
            : null;
        if (hub is null)
        {
            (await StartUpCheck.RunAsync(parts, output.Line, signals.Stop)).ThrowIfAny();
        }

        var result = await StoreAsync(plan, options, parts, arguments.GetValue(Restart), output, signals.Stop);
        return hub is null || result.Problems.Count > 0
            ? Tell(output, result)
            : await GoOnAsync(output, hub, result, signals.Stop);
    }

    private static async Task<ArchiveResult> StoreAsync(
        ArchivePlan plan,
        ArchiveReplayOptions options,
        PipelineComposition parts,
        bool restart,
        Output output,
        CancellationToken cancellationToken)
    {
        await using var claim = await ArchiveClaim.TakeAsync(
            new PartitionOwnerTable(parts.DataSource),
            plan.Archive.Name,
            options.ConsumerGroup,
            output.Line,
            TimeProvider.System,
            cancellationToken);
        if (restart)
        {
            await parts.Checkpoints.RestartAsync(plan.Archive.Name, options.ConsumerGroup, cancellationToken);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, claim.Lost);
        try
        {
            return await ReplayAsync(
                output, new ArchiveReplay(plan, options, parts.Pipeline.ProcessAsync, parts.Checkpoints), stop.Token);
        }
        catch (CommandException) when (claim.Lost.IsCancellationRequested)
        {
            throw new CommandException(
                "Another replay of the same archive has taken over, as this one was silent for too long.", ExitCode.Failure);
        }
    }

    private static Task<ArchiveResult> ReplayAsync(Output output, ArchiveReplay replay, CancellationToken cancellationToken) =>
        ReplayCommand.ShowAsync(
            output,
            new ArchiveReplayScreen(output, TimeProvider.System),
            report => replay.RunAsync(report, cancellationToken),
            () => replay.Progress.Counts,
            cancellationToken);

    // The files of an archive's partitions do not end at the same time, so that the hub is read from some time before the last stamp.
    private static async Task<int> GoOnAsync(Output output, HubSide hub, ArchiveResult result, CancellationToken cancellationToken)
    {
        var end = result.Progress.LastStamp;
        var from = end == DateTime.UnixEpoch ? DateTime.MinValue : end - Overlap;
        output.Line(string.Create(CultureInfo.InvariantCulture, $"the archive ends at {end:O}; going on with the hub from {from:O}"));
        var counts = await hub.ReplayAsync(new ReplayRange(from), partition: null, cancellationToken);
        ReplayCommand.Print(output, result.Progress.Counts + counts);
        return hub.GoneUntil > end
            ? throw new CommandException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Between the archive and the hub there may be a gap: the archive ends at {end:O}, and the hub has kept a partition "
                        + $"only from {hub.GoneUntil:O} on. Add the archive's later files, and run the command again."),
                ExitCode.Failure)
            : ExitCode.Success;
    }

    private static PathTemplate? Template(ParseResult arguments, SettingsReader reader)
    {
        if (arguments.GetValue(PathTemplate) is not { } text)
        {
            return null;
        }

        var template = Sources.Archives.PathTemplate.Parse(text, out var problem);
        if (problem is not null)
        {
            reader.Add(problem);
        }

        return template;
    }

    /// <summary>What there is to read, before anything is read.</summary>
    public static void Tell(Output output, ArchivePlan plan)
    {
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"archive: {plan.Archive.Name}, {plan.Files.Count:#,0} files of {plan.Bytes:#,0} bytes; {plan.Pruned:#,0} others are left out "
                + $"by their paths"));
        foreach (var obstacle in plan.Files.Where(file => file.Obstacle is not null).GroupBy(file => file.Obstacle))
        {
            output.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"of these {obstacle.Count():#,0} files of {obstacle.Sum(file => file.Length):#,0} bytes cannot be read, the first "
                    + $"{obstacle.First().Name}: {obstacle.Key}"));
        }
    }

    private static int Tell(Output output, ArchiveResult result)
    {
        var (progress, problems) = (result.Progress, result.Problems);
        if (progress.FilesBefore > 0)
        {
            output.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"{progress.FilesBefore:#,0} files had been read to their end by an earlier run, and are counted with it"));
        }

        ReplayCommand.Print(output, progress.Counts);
        return problems.Count == 0 && progress.Counts.Balance
            ? ExitCode.Success
            : throw new CommandException(
                ErrorLines.List(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{problems.Count:#,0} of {problems.Count + progress.Files:#,0} files could not be read to their end:"),
                    problems.Select(problem => problem.Sentence)),
                ExitCode.Failure);
    }
}
