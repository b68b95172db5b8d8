using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Ingest.Worker.Hosting;

namespace Ingest.Cli.Commands;

/// <summary>The usual help, and below it the settings that the command reads; below that of all commands, the exit codes.</summary>
internal sealed class SettingsHelp(HelpAction usual) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        var code = usual.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command.Name;
        if (command == IngestCommand.Name)
        {
            WriteExitCodes(output);
        }

        var sections = SettingsCatalog.SectionsOf(command);
        if (sections.Count > 0)
        {
            WriteSettings(output, sections);
            if (command == "run")
            {
                output.WriteLine();
                output.WriteLine(
                    $"  Metrics and traces are exported over OTLP where the variable {WorkerTelemetry.EndpointVariable} is set.");
            }
        }

        return code;
    }

    private static void WriteExitCodes(TextWriter output)
    {
        output.WriteLine("Exit codes:");
        output.WriteLine("  0  Done, and the counts add up.");
        output.WriteLine("  1  It failed, or the counts do not agree: the last lines say what and where.");
        output.WriteLine("  2  The command line, a setting or the start-up check is wrong: nothing was read or written.");
        output.WriteLine();
    }

    private static void WriteSettings(TextWriter output, IReadOnlyList<string> sections)
    {
        output.WriteLine("Settings:");
        output.WriteLine(
            "  From appsettings.json in the working directory, the environment (Hub__ConsumerGroup for Hub:ConsumerGroup) and --set;");
        output.WriteLine("  the later ones win.");
        output.WriteLine();
        foreach (var setting in SettingsCatalog.All.Where(setting => sections.Contains(setting.Section)))
        {
            output.WriteLine($"  {setting.Name,-38} {setting.Description}");
        }
    }
}
