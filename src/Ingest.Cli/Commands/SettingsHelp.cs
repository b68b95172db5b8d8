using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Ingest.Cli.Commands;

/// <summary>The usual help, and below it the settings that the command reads.</summary>
internal sealed class SettingsHelp(HelpAction usual) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        var code = usual.Invoke(parseResult);
        var sections = SettingsCatalog.SectionsOf(parseResult.CommandResult.Command.Name);
        if (sections.Count == 0)
        {
            return code;
        }

        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Settings:");
        output.WriteLine("  From appsettings.json in the working directory, the environment (Hub__ConsumerGroup for Hub:ConsumerGroup) and --set;");
        output.WriteLine("  the later ones win.");
        output.WriteLine();
        foreach (var setting in SettingsCatalog.All.Where(setting => sections.Contains(setting.Section)))
        {
            output.WriteLine($"  {setting.Name,-38} {setting.Description}");
        }

        return code;
    }
}
