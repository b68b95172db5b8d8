using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Repair;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters import</c>.</summary>
internal static class DeadLettersImportCommand
{
    // In the JSON at the end; the lines for people name all of them.
    private const int MostListed = 1_000;

    private static readonly Argument<string> File =
        new("file") { Description = "The lines that 'ingest deadletters export' has written, mended; - for standard input." };

    public static Command Create()
    {
        var command = new Command(
            "import",
            "Store mended dead letters under their stamp and device, and resolve them. A line that is wrong is named, the others are "
                + "taken, and the exit code is 1. Importing the same lines twice changes nothing.")
        {
            File,
            ReplayCommand.AcceptDifferences,
            SharedOptions.Database,
            SharedOptions.Set,
            SharedOptions.Json,
        };
        command.SetAction((arguments, _) => RunAsync(arguments));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        await using var lines = Open(arguments.GetRequiredValue(File));
        await using var stage = await RepairStage.OpenAsync(arguments, output);
        var import = new DeadLetterImport(stage.Parts.DataSource, stage.Parts.Settings.Telemetry);
        List<WrongLine> listed = [];
        void Tell() => RepairStage.Print(output, import.Report, import.ResolvedBefore, listed);
        await stage.RunAsync(
            () => import.RunAsync(
                lines,
                stage.Parts.Pipeline,
                wrong =>
                {
                    output.Line(string.Create(CultureInfo.InvariantCulture, $"line {wrong.Number}: {wrong.Sentence}"));
                    if (listed.Count < MostListed)
                    {
                        listed.Add(wrong);
                    }
                },
                stage.Stop),
            Tell);
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"lines whose letter was resolved before {import.ResolvedBefore}, lines that were not stored {import.WrongLines}"));
        Tell();
        return import.WrongLines == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    private static Stream Open(string file)
    {
        try
        {
            return file == "-" ? Console.OpenStandardInput() : System.IO.File.OpenRead(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The file '{file}' cannot be read: {exception.Message}", exception);
        }
    }
}
