using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ingest.FunctionsTests.Support;
using Ingest.TestSupport.Files;
using Xunit;

namespace Ingest.FunctionsTests;

/// <summary>What the SDK tells the Functions host of the app is what guide, host.json, sample and deployment promise.</summary>
public sealed partial class MetadataTests
{
    private static readonly JsonElement Functions =
        JsonElement.Parse(File.ReadAllText(Path.Combine(FunctionsHost.Folder, "functions.metadata")));

    private static readonly JsonElement HostJson = JsonElement.Parse(RepositoryFiles.Read("host.json"));
    private static readonly string Guide = RepositoryFiles.Read(Path.Combine("docs", "operations.md"));

    [Fact]
    public void Its_functions_are_those_of_the_guides_table()
    {
        var table = Guide[Guide.IndexOf("| function |", StringComparison.Ordinal)..];
        table = table[..table.IndexOf("\n\n", StringComparison.Ordinal)];

        Assert.Equal(
            Row().Matches(table).Select(row => row.Groups["name"].Value).Order(),
            Functions.EnumerateArray().Select(function => function.GetProperty("name").GetString()).Order());
    }

    [Fact]
    public void Routes_methods_and_keys_are_the_guides()
    {
        var prefix = HostJson.GetProperty("extensions").GetProperty("http").GetProperty("routePrefix").GetString();
        var promised = HttpRow().Matches(Guide).ToDictionary(
            row => row.Groups["name"].Value,
            row => (
                row.Groups["method"].Value.ToLowerInvariant(),
                row.Groups["route"].Value,
                row.Groups["key"].Value == "with a function key"));

        Assert.Equal(3, promised.Count);
        Assert.Equal(
            promised.OrderBy(function => function.Key),
            Triggers("httpTrigger").ToDictionary(
                trigger => trigger.Name,
                trigger => (
                    Assert.Single(trigger.Binding.GetProperty("methods").EnumerateArray()).GetString()!,
                    $"/{prefix}/{trigger.Binding.GetProperty("route").GetString()}",
                    IsKeyed(trigger.Binding))).OrderBy(function => function.Key));
    }

    [Fact]
    public void The_platforms_health_check_needs_no_key()
    {
        var bicep = RepositoryFiles.Read(Path.Combine("deploy", "functions", "modules", "functionapp.bicep"));
        var path = HealthCheck().Match(bicep).Groups["path"].Value;

        var (_, binding) = Assert.Single(
            Triggers("httpTrigger"), trigger => path == $"/api/{trigger.Binding.GetProperty("route").GetString()}");
        Assert.False(IsKeyed(binding));
    }

    [Fact]
    public void Batches_of_one_hub_come_in_the_consumer_group_and_by_the_connection_that_are_settings()
    {
        var (_, binding) = Assert.Single(Triggers("eventHubTrigger"));
        var sample = JsonElement.Parse(RepositoryFiles.Read("local.settings.sample.json")).GetProperty("Values");

        Assert.Equal("Many", binding.GetProperty("cardinality").GetString());
        Assert.Equal("%HubName%", binding.GetProperty("eventHubName").GetString());
        Assert.Equal("%HubConsumerGroup%", binding.GetProperty("consumerGroup").GetString());
        Assert.All(
            ["HubName", "HubConsumerGroup", binding.GetProperty("connection").GetString()!],
            setting => Assert.True(sample.TryGetProperty(setting, out _), setting));
    }

    [Fact]
    public void A_batch_is_as_large_as_the_guide_says()
    {
        var most = HostJson.GetProperty("extensions").GetProperty("eventHubs").GetProperty("maxEventBatchSize").GetInt32();

        Assert.Contains(
            $"up to {most.ToString("N0", CultureInfo.InvariantCulture)} events of one partition", Guide, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_that_throws_is_tried_for_ever_as_the_guide_says()
    {
        var function = Assert.Single(
            Functions.EnumerateArray(), function => function.GetProperty("name").GetString() == Triggers("eventHubTrigger").Single().Name);
        var retry = function.GetProperty("retry");

        Assert.Equal("exponentialBackoff", retry.GetProperty("strategy").GetString());
        Assert.Equal(-1, retry.GetProperty("maxRetryCount").GetInt32());
        var between = (Interval(retry, "minimumInterval").TotalSeconds, Interval(retry, "maximumInterval").TotalMinutes);
        Assert.Contains(
            $"the retry policy calls again for ever ({between.TotalSeconds:0} s to {between.TotalMinutes:0} min apart)",
            Guide,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_but_the_triggers_is_bound_by_the_host()
    {
        Assert.All(
            Bindings().Where(found => found.Binding.GetProperty("direction").GetString() == "In"),
            found => Assert.EndsWith("Trigger", found.Binding.GetProperty("type").GetString(), StringComparison.Ordinal));
    }

    private static IEnumerable<(string Name, JsonElement Binding)> Bindings() => Functions.EnumerateArray().SelectMany(
        function => function.GetProperty("bindings").EnumerateArray(),
        (function, binding) => (function.GetProperty("name").GetString()!, binding));

    private static IEnumerable<(string Name, JsonElement Binding)> Triggers(string type) =>
        Bindings().Where(found => found.Binding.GetProperty("type").GetString() == type);

    private static bool IsKeyed(JsonElement trigger) => trigger.GetProperty("authLevel").GetString() switch
    {
        "Anonymous" => false,
        "Function" => true,
        var other => throw new InvalidOperationException($"A level that the guide does not know: {other}"),
    };

    private static TimeSpan Interval(JsonElement retry, string name) =>
        TimeSpan.Parse(retry.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\| `(?<name>\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\| `(?<name>\w+)` \| `(?<method>GET) (?<route>\S+)`,? (?<key>no key|with a function key)", RegexOptions.Multiline)]
    private static partial Regex HttpRow();

    [GeneratedRegex(@"healthCheckPath: '(?<path>[^']+)'")]
    private static partial Regex HealthCheck();
}
