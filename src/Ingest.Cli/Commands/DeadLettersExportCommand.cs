using System.CommandLine;
using System.Globalization;
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
        // Standard output holds the lines alone.
        var output = new Output(json: true);
        await using var database = await DeadLettersCommand.OpenAsync(arguments, output, cancellationToken);
        var filter = await DeadLetterSelection.FilterAsync(arguments, new DeadLetterReader(database.DataSource), cancellationToken);
        await using var lines = Console.OpenStandardOutput();
        var written = await new DeadLetterExport(database.DataSource).RunAsync(filter, lines, cancellationToken);
        output.Line(string.Create(CultureInfo.InvariantCulture, $"exported {written} dead letters"));
        return ExitCode.Success;
    }
}
