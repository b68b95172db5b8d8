using System.CommandLine;
using System.CommandLine.Help;

namespace Ingest.Cli.Commands;

/// <summary>The command line of <c>ingest</c>.</summary>
internal static class IngestCommand
{
    public static RootCommand Create()
    {
        var root = new RootCommand(
            "Takes device telemetry from Azure IoT Hub (or any event hub) and writes it to a TimescaleDB hypertable: no event is lost, none is stored twice, and the counts prove it.")
        {
            UpCommand.Create(),
            RunCommand.Create(),
            ReplayCommand.Create(),
            SimulateCommand.Create(),
            MigrateCommand.Create(),
            StatusCommand.Create(),
            DeadLettersCommand.Create(),
        };
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            if (help.Action is HelpAction usual)
            {
                help.Action = new SettingsHelp(usual);
            }
        }

        return root;
    }
}
