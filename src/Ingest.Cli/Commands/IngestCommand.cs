using System.CommandLine;
using System.CommandLine.Help;

namespace Ingest.Cli.Commands;

/// <summary>The command line of <c>ingest</c>.</summary>
internal static class IngestCommand
{
    public const string Name = "ingest";

    // Not a RootCommand: that one is named after the assembly, which is not what users type.
    public static Command Create()
    {
        var root = new Command(
            Name,
            "Takes device telemetry from Azure IoT Hub (or any event hub) and writes it to a TimescaleDB hypertable: no event is lost, "
                + "none is stored twice, and the counts prove it.")
        {
            UpCommand.Create(),
            RunCommand.Create(),
            ReplayCommand.Create(),
            AuditCommand.Create(),
            SimulateCommand.Create(),
            MigrateCommand.Create(),
            StatusCommand.Create(),
            DeadLettersCommand.Create(),
            ForgetCommand.Create(),
            CompletionCommand.Create(),
            CompletionCommand.CreateAsked(Create),
        };
        var help = new HelpOption();
        help.Action = new SettingsHelp((HelpAction)help.Action!);
        root.Options.Add(help);
        root.Options.Add(new VersionOption());
        return root;
    }
}
