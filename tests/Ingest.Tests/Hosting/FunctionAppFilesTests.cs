using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ingest.Functions.Hosting;
using Ingest.TestSupport.Files;
using Xunit;

namespace Ingest.Tests.Hosting;

/// <summary>The files beside the Function app say the same as its code.</summary>
public sealed partial class FunctionAppFilesTests
{
    // Read by the host or the platform, not by the program.
    private static readonly string[] OfTheHost = ["FUNCTIONS_WORKER_RUNTIME"];

    // Names in %…% in binding attributes, and the values of Connection.
    [GeneratedRegex("""%(?<name>\w+)%|Connection = "(?<name>\w+)"|Configuration\["(?<name>[\w:]+)"\]""")]
    private static partial Regex SettingsInCode { get; }

    [Fact]
    public void The_functions_timeout_in_host_json_is_the_one_the_code_reckons_with()
    {
        using var host = JsonDocument.Parse(RepositoryFiles.Read("host.json"));

        Assert.Equal(InvocationTime.FunctionTimeout, TimeSpan.Parse(host.RootElement.GetProperty("functionTimeout").GetString()!, CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Reading_begins_with_the_oldest_event_and_waits_no_longer_for_a_batch_than_a_second()
    {
        using var host = JsonDocument.Parse(RepositoryFiles.Read("host.json"));
        var hubs = host.RootElement.GetProperty("extensions").GetProperty("eventHubs");

        Assert.Equal("fromStart", hubs.GetProperty("initialOffsetOptions").GetProperty("type").GetString());
        Assert.Equal("00:00:01", hubs.GetProperty("maxWaitTime").GetString());
    }

    [Fact]
    public void The_sample_settings_start_the_app()
    {
        Assert.Empty(FunctionAppSettings.Problems(Sample()));
    }

    [Fact]
    public void The_sample_names_every_setting_that_the_app_cannot_do_without()
    {
        Assert.Empty(FunctionAppSettings.Complete().Keys.Except(Sample().Keys));
    }

    [Fact]
    public void The_sample_names_every_setting_of_the_bindings()
    {
        var bound = Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "src", "Ingest.Functions"), "*.cs")
            .SelectMany(file => SettingsInCode.Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value)
            .Where(name => !name.StartsWith("APPLICATIONINSIGHTS_", StringComparison.Ordinal) && !name.StartsWith("OTEL_", StringComparison.Ordinal))
            .ToHashSet();

        Assert.Contains("HubName", bound);
        Assert.Empty(bound.Except(Sample().Keys));
    }

    [Fact]
    public void The_sample_has_no_setting_that_nobody_reads()
    {
        // A section's misspelt name fails the start; a name without a section has to be one of these.
        Assert.Empty(Sample().Keys.Where(name => !name.Contains("__", StringComparison.Ordinal)).Except(FunctionAppSettings.Complete().Keys).Except(OfTheHost));
    }

    [Fact]
    public void The_operations_guide_names_every_setting_of_the_sample_and_of_the_code()
    {
        var guide = RepositoryFiles.Read(Path.Combine("docs", "operations.md"));
        var code = Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "src", "Ingest.Functions"), "*.cs")
            .SelectMany(file => SettingsInCode.Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value);

        Assert.All(Sample().Keys.Concat(code), name => Assert.Contains($"`{name}`", guide, StringComparison.Ordinal));
    }

    [Fact]
    public void The_operations_guide_explains_every_value_of_host_json()
    {
        var guide = RepositoryFiles.Read(Path.Combine("docs", "operations.md"));
        using var host = JsonDocument.Parse(RepositoryFiles.Read("host.json"));

        Assert.All(Leaves(host.RootElement, ""), leaf => Assert.Contains($"`{leaf}`", guide, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Leaves(JsonElement element, string path)
    {
        foreach (var property in element.EnumerateObject())
        {
            var name = path.Length == 0 ? property.Name : $"{path}.{property.Name}";
            if (property.Value.ValueKind != JsonValueKind.Object)
            {
                yield return name;
                continue;
            }

            foreach (var leaf in Leaves(property.Value, name))
            {
                yield return leaf;
            }
        }
    }

    private static Dictionary<string, string?> Sample()
    {
        using var sample = JsonDocument.Parse(RepositoryFiles.Read("local.settings.sample.json"));
        return sample.RootElement.GetProperty("Values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetString());
    }
}
