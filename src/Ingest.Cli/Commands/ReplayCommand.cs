using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Events;
using Ingest.Failures;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest replay</c>.</summary>
internal static class ReplayCommand
{
    public static readonly Option<bool> AcceptDifferences = new("--accept-differences")
    {
        Description =
            "Continue even if many replayed readings differ from the stored rows: each is then stored as an additional row in its "
                + "millisecond.",
    };

    private static readonly Option<DateTimeOffset?> From = Arguments.Time(
        "--from", "The first stamp to replay: ISO 8601 (UTC), or a span back from now like 6h (required, unless --archive is given).");
    public static readonly Option<DateTimeOffset?> To = Arguments.Time(
        "--to", "The stamp to end before. Default: all there is when the replay begins.");
    public static readonly Option<string?> Partition =
        new("--partition") { Description = "Only this partition. Default: all.", HelpName = "id" };

    public static readonly Option<string> Group = new("--consumer-group")
    {
        Description = "The replay's own consumer group; the worker's (Hub:ConsumerGroup) is refused.",
        HelpName = "name",
        DefaultValueFactory = _ => "replay",
    };

    public static Command Create()
    {
        var command = new Command(
            "replay",
            "Read the hub again from a time through the same pipeline. What is stored already stays as it is; no checkpoint moves.")
        {
            From, To, Partition, Group, AcceptDifferences, SharedOptions.Hub, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json,
        };
        ArchiveReplayCommand.AddTo(command);
        command.Validators.Add(result =>
        {
            if (ArchiveReplayCommand.IsWanted(result))
            {
                ArchiveReplayCommand.Check(result);
            }
            else if (result.GetResult(From) is null)
            {
                result.AddError("Give --from: the first stamp to replay; or --archive, to replay from files.");
            }
        });
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        if (ArchiveReplayCommand.IsWanted(arguments.CommandResult))
        {
            return await ArchiveReplayCommand.RunAsync(arguments, output);
        }

        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = PipelineSettings.Read(reader);
        var mapping = reader.Mapping(settings.Telemetry);
        var range = Range(arguments, reader);
        reader.ThrowIfAny();
        settings.Commit.AcceptDifferences |= arguments.GetValue(AcceptDifferences);

        var clock = TimeProvider.System;
        using var signals = new ShutdownSignals(clock);
        using var loggers = Logging.ToStandardError(LogLevel.Warning);
        await using var parts = PipelineComposition.Create(settings, mapping!, Purpose.Replay, loggers);
        await using var hub = await HubSide.OpenAsync(arguments.GetValue(Group)!, parts, loggers, output, signals.Stop);
        var counts = await hub.ReplayAsync(range, arguments.GetValue(Partition), signals.Stop);
        Print(output, counts);
        return counts.Balance ? ExitCode.Success : ExitCode.Failure;
    }

    /// <summary>The range that the options name; all there is where they name none.</summary>
    public static ReplayRange Range(ParseResult arguments, SettingsReader reader)
    {
        var from = arguments.GetValue(From)?.UtcDateTime ?? DateTime.MinValue;
        var to = arguments.GetValue(To)?.UtcDateTime;
        if (to <= from)
        {
            reader.Add($"--to {to:O} is not after --from {from:O}.");
        }

        return new ReplayRange(from, to);
    }

    /// <summary>Shows a replay's progress, and says how it ends where it does not reach its end.</summary>
    public static async Task<TResult> ShowAsync<T, TResult>(
        Output output,
        ReplayScreen<T> screen,
        Func<IProgress<T>, Task<TResult>> replay,
        Func<ReadingCounts> counts,
        CancellationToken stop)
        where T : class
    {
        try
        {
            return await screen.ShowAsync(replay);
        }
        catch (StoredValuesMismatchException exception)
        {
            throw new CommandException($"{exception.Message} To store them all the same, add --accept-differences.", ExitCode.Failure);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Print(output, counts());
            throw new CommandException(
                "Stopped before the end of the range. What was replayed is stored; running it again is safe.", ExitCode.Failure);
        }
    }

    /// <summary>Where the readings ended; with <c>--json</c> as an object too, unless the caller writes its own.</summary>
    public static void Print(Output output, ReadingCounts counts)
    {
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"received {counts.Received} = stored {counts.Stored} + duplicate {counts.Duplicate} + dead-lettered "
                + $"{counts.DeadLettered} + ignored {counts.Ignored}; collisions {counts.Collisions}, missed {counts.Missed}"));
        if (output.Json)
        {
            Output.Write(
                new
                {
                    counts.Received,
                    counts.Stored,
                    counts.Duplicate,
                    counts.Collisions,
                    counts.DeadLettered,
                    counts.NotKept,
                    counts.Ignored,
                    counts.Missed,
                });
        }
    }
}
