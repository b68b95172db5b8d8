using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;
using Ingest.Repair;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters export</c>.</summary>
internal static class DeadLettersExportCommand
{
    public static Command Create()
    {
        var command = new Command(
            "export", "Write open dead letters to standard output, a line of JSON each, to be mended and imported.");
        DeadLetterSelection.AddTo(command, withKeys: true);
        command.Add(SharedOptions.Database);
        command.Add(SharedOptions.Set);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        // Nothing but the lines is written: a container's log holds both streams.
        var output = new Output(json: true);
        await using var database = await DeadLettersCommand.OpenAsync(arguments, output, cancellationToken);
        var filter = await DeadLetterSelection.FilterAsync(arguments, new DeadLetterReader(database.DataSource), cancellationToken);
        await using var lines = Console.OpenStandardOutput();
        await new DeadLetterExport(database.DataSource).RunAsync(filter, lines, cancellationToken);
        return ExitCode.Success;
    }
}
