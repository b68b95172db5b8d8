using System.Collections;
using System.Reflection;
using Ingest.Cli.Commands;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class SettingsCatalogTests
{
    private static readonly (string Section, Type Settings)[] Sections =
    [
        (HubSettings.Section, typeof(HubSettings)),
        (DatabaseSettings.Section, typeof(DatabaseSettings)),
        (TelemetrySettings.Section, typeof(TelemetrySettings)),
        (CommitSettings.Section, typeof(CommitSettings)),
        (DeadLetterSettings.Section, typeof(DeadLetterSettings)),
        (HealthSettings.Section, typeof(HealthSettings)),
    ];

    [Fact]
    public void Help_names_every_setting_there_is_and_none_that_is_not()
    {
        var real = Sections.SelectMany(section => NamesOf(section.Section, section.Settings));

        Assert.Equal(real.Order(), SettingsCatalog.All.Select(setting => setting.Name).Order());
    }

    [Theory]
    [InlineData("run", "Hub:ConnectionString", "Database:ConnectionString", "Telemetry:Columns:0:Name", "Health:Port")]
    [InlineData("replay", "Hub:ConnectionString", "Commit:DifferencesToRefuse")]
    [InlineData("migrate", "Database:ConnectionString")]
    [InlineData("simulate", "Hub:ConnectionString")]
    public void The_help_of_a_command_names_the_settings_it_reads(string command, params string[] settings)
    {
        using var output = new StringWriter();
        IngestCommand.Create().Parse([command, "--help"]).Invoke(new System.CommandLine.InvocationConfiguration { Output = output });

        Assert.All(settings, setting => Assert.Contains(setting, output.ToString(), StringComparison.Ordinal));
    }

    private static IEnumerable<string> NamesOf(string prefix, Type settings)
    {
        foreach (var property in settings.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var name = $"{prefix}:{property.Name}";
            if (property.PropertyType == typeof(string) || !typeof(IEnumerable).IsAssignableFrom(property.PropertyType))
            {
                yield return name;
                continue;
            }

            var element = property.PropertyType.GetGenericArguments()[0];
            if (element == typeof(string))
            {
                yield return name + ":0";
                continue;
            }

            foreach (var inner in NamesOf(name + ":0", element))
            {
                yield return inner;
            }
        }
    }
}
