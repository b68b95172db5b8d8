using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Sources.Archives;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest replay --archive</c>.</summary>
internal static class ArchiveReplayCommand
{
    private static readonly Option<string?> Location = new("--archive")
    {
        Description =
            "Read files instead of the hub: what IoT Hub's message routing (Avro, JSON lines) or Event Hubs Capture has written to a folder "
                + "or a container of blobs. Started again, it goes on where it ended.",
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

    public static void AddTo(Command command)
    {
        command.Add(Location);
        command.Add(Prefix);
        command.Add(PathTemplate);
        command.Add(Restart);
        command.Add(AcceptOtherStamps);
    }

    public static bool IsWanted(CommandResult arguments) => arguments.GetResult(Location) is not null;

    public static async Task<int> RunAsync(ParseResult arguments, Output output)
    {
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = PipelineSettings.Read(reader, needsHub: false);
        var mapping = reader.Mapping(settings.Telemetry);
        var options = new ArchiveReplayOptions(
            ReplayCommand.Range(arguments, reader),
            settings.Telemetry.Table,
            settings.Telemetry.TimeSource,
            arguments.GetValue(AcceptOtherStamps));
        var login = reader.ReadOptional<ArchiveSettings>(ArchiveSettings.Section);
        var template = Template(arguments, reader);
        reader.ThrowIfAny();
        settings.Commit.AcceptDifferences |= arguments.GetValue(ReplayCommand.AcceptDifferences);

        var clock = TimeProvider.System;
        using var signals = new ShutdownSignals(clock);
        using var loggers = Logging.ToStandardError(LogLevel.Warning);
        var location = arguments.GetValue(Location)!;
        Archive archive = BlobArchive.IsUrl(location) ? BlobArchive.Open(location, login, HubLogin.Credential) : new FolderArchive(location);
        var plan = await ArchivePlan.MakeAsync(archive, arguments.GetValue(Prefix)!, signals.Stop);
        plan = template is null ? plan : plan.Prune(template, options.Range);
        Tell(output, plan);
        if (!options.AcceptOtherStamps && await plan.FindOtherStampsAsync(options, signals.Stop) is { } otherStamps)
        {
            throw new CommandException($"{otherStamps}. To store them all the same, add --accept-other-stamps.");
        }

        await using var parts = PipelineComposition.Create(settings, mapping!, Purpose.Replay, loggers);
        (await StartUpCheck.RunAsync(parts, output.Line, signals.Stop)).ThrowIfAny();
        await using var claim = await ArchiveClaim.TakeAsync(
            new PartitionOwnerTable(parts.DataSource), archive.Name, options.ConsumerGroup, output.Line, clock, signals.Stop);
        if (arguments.GetValue(Restart))
        {
            await parts.Checkpoints.RestartAsync(archive.Name, options.ConsumerGroup, signals.Stop);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Stop, claim.Lost);
        var replay = new ArchiveReplay(plan, options, parts.Pipeline.ProcessAsync, parts.Checkpoints);
        try
        {
            var result = await ReplayCommand.ShowAsync(
                output,
                new ArchiveReplayScreen(output, clock),
                report => replay.RunAsync(report, stop.Token),
                () => replay.Progress.Counts,
                signals.Stop);
            return Tell(output, result);
        }
        catch (OperationCanceledException) when (claim.Lost.IsCancellationRequested)
        {
            throw new CommandException("Another replay of the same archive has taken over, as this one was silent for too long.");
        }
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

    private static void Tell(Output output, ArchivePlan plan)
    {
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"archive: {plan.Archive.Name}, {plan.Files.Count:#,0} files of {plan.Bytes:#,0} bytes; {plan.Pruned:#,0} others are left out by "
                + $"their paths"));
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
