using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Ingest.Cli.Commands;
using Ingest.Settings;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed partial class SettingsCatalogTests
{
    private static readonly (string Section, Type Settings)[] Sections =
    [
        (HubSettings.Section, typeof(HubSettings)),
        (DatabaseSettings.Section, typeof(DatabaseSettings)),
        (TelemetrySettings.Section, typeof(TelemetrySettings)),
        (CommitSettings.Section, typeof(CommitSettings)),
        (DeadLetterSettings.Section, typeof(DeadLetterSettings)),
        (HealthSettings.Section, typeof(HealthSettings)),
        (ArchiveSettings.Section, typeof(ArchiveSettings)),
    ];

    [Fact]
    public void Help_names_every_setting_there_is_and_none_that_is_not()
    {
        var real = Sections.SelectMany(section => NamesOf(section.Section, section.Settings));

        Assert.Equal(real.Order(), SettingsCatalog.All.Select(setting => setting.Name).Order());
    }

    [Fact]
    public void Help_states_the_default_that_each_setting_has()
    {
        var defaults = Sections.SelectMany(section => DefaultsOf(section.Section, section.Settings)).ToDictionary();

        Assert.All(SettingsCatalog.All, setting =>
        {
            var said = Default().Match(setting.Description).Groups["value"].Value;
            switch (defaults[setting.Name])
            {
                case bool flag:
                    Assert.Equal(flag ? "true" : "false", said);
                    break;
                case int number:
                    Assert.Equal(number.ToString(CultureInfo.InvariantCulture), said);
                    break;
                case DateTimeOffset time:
                    Assert.Equal(time, DateTimeOffset.Parse(said, CultureInfo.InvariantCulture));
                    break;
                case Enum choice:
                    Assert.Equal(choice.ToString(), said);
                    break;
                case string { Length: > 0 } text:
                    Assert.Equal(text, said);
                    break;
                default:
                    // Absent: help says that it is required, what stands for it, or "none".
                    Assert.True(
                        said.Length > 0 || setting.Description.Contains("required", StringComparison.Ordinal) || IsOneOfTwoWays(setting),
                        setting.Name);
                    break;
            }
        });
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

    // What is read in place of a connection string has no default.
    private static bool IsOneOfTwoWays(Setting setting) => setting.Description.StartsWith("Instead:", StringComparison.Ordinal);

    [GeneratedRegex(@"Default: (?<value>[^;,]+?)(?:\.$|[;,] |\. |$)")]
    private static partial Regex Default();

    private static IEnumerable<KeyValuePair<string, object?>> DefaultsOf(string prefix, Type settings)
    {
        var made = Activator.CreateInstance(settings);
        foreach (var property in settings.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var name = $"{prefix}:{property.Name}";
            if (property.PropertyType == typeof(string) || !typeof(IEnumerable).IsAssignableFrom(property.PropertyType))
            {
                yield return new(name, property.GetValue(made));
                continue;
            }

            var element = property.PropertyType.GetGenericArguments()[0];
            IEnumerable<KeyValuePair<string, object?>> inner =
                element == typeof(string) ? [new(name + ":0", null)] : DefaultsOf(name + ":0", element);
            foreach (var each in inner)
            {
                yield return each;
            }
        }
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
