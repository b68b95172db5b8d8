using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;
using Ingest.Repair;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters retry</c>.</summary>
internal static class DeadLettersRetryCommand
{
    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description =
            "Decode them with today's settings, and count; store nothing. 'stored' counts those that would be rows, new or there already, "
                + "unless the table refuses them.",
    };

    public static Command Create()
    {
        var command = new Command(
            "retry",
            "Take open dead letters through the pipeline with today's settings and table. Those that can be stored are resolved; the "
                + "others stay, with today's reason.");
        DeadLetterSelection.AddTo(command, withKeys: true);
        foreach (var option in (Option[])
            [DryRun, ReplayCommand.AcceptDifferences, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json])
        {
            command.Add(option);
        }

        command.SetAction((arguments, _) => RunAsync(arguments));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        await using var stage = await RepairStage.OpenAsync(arguments, output);
        var dataSource = stage.Parts.DataSource;
        var filter = await DeadLetterSelection.FilterAsync(arguments, new DeadLetterReader(dataSource), stage.Stop);
        var retry = new DeadLetterRetry(dataSource, stage.Parts.Settings.Telemetry);
        void Tell() => RepairStage.Print(output, retry.Report);
        if (arguments.GetValue(DryRun))
        {
            output.Line("dry run: nothing is stored; 'stored' counts what would be a row, new or there already");
            await stage.RunAsync(() => retry.DryRunAsync(filter, TimeProvider.System, stage.Stop), Tell);
        }
        else
        {
            await stage.RunAsync(() => retry.RunAsync(filter, stage.Parts.Pipeline, stage.Stop), Tell);
        }

        Tell();
        return ExitCode.Success;
    }
}
