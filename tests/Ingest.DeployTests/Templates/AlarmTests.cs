using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed partial class AlarmTests(Support.Templates templates)
{
    private const string LogRule = "Microsoft.Insights/scheduledQueryRules";
    private const string Server = "Microsoft.DBforPostgreSQL/flexibleServers";
    private const string MetricRule = "Microsoft.Insights/metricAlerts";

    [Fact]
    public void Every_alarm_goes_to_the_people_that_were_named()
    {
        var people = templates.Production.Only("Microsoft.Insights/actionGroups");
        Assert.Equal("ops@example.com", (string?)Assert.Single(Snapshot.Array(people, "properties.emailReceivers"))["emailAddress"]);
        Assert.True(templates.Production.OfType(LogRule).Count() >= 10);
        Assert.All(templates.Production.OfType(LogRule), rule =>
            Assert.Equal((string?)people["id"], (string?)Assert.Single(Snapshot.At(rule, "properties.actions.actionGroups")!.AsArray())));
        Assert.All(templates.Production.OfType(MetricRule), rule =>
            Assert.Equal((string?)people["id"], (string?)Assert.Single(Snapshot.Array(rule, "properties.actions"))["actionGroupId"]));
        Assert.Empty(Snapshot.Array(templates.Small.Only("Microsoft.Insights/actionGroups"), "properties.emailReceivers"));
    }

    [Fact]
    public void Every_name_in_a_query_is_one_that_the_code_emits()
    {
        var code = string.Concat(Directory.EnumerateFiles(Path.Combine(DeployFolder.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
                .Select(File.ReadAllText));
        var metrics = EmittedMetric().Matches(code).Select(match => match.Groups["name"].Value).ToHashSet();
        var events = EmittedEvent().Matches(code).Select(match => match.Groups["id"].Value).ToHashSet();
        var functions = EmittedFunction().Matches(code).Select(match => match.Groups["name"].Value).ToHashSet();
        var queries = Queries().ToList();
        Assert.True(queries.Count > 14);

        var named = queries.SelectMany(query => Metric().Matches(query).Select(match => match.Value)).ToHashSet();
        Assert.Superset(named, metrics);
        Assert.Contains("ingest.retry.state", named);
        Assert.Superset(queries.SelectMany(query => Event().Matches(query).Select(match => match.Value)).ToHashSet(), events);
        Assert.Superset(queries.SelectMany(query => Function().Matches(query).Select(match => match.Value)).ToHashSet(), functions);
    }

    [Fact]
    public void The_first_alarms_of_the_guide_are_rules()
    {
        var queries = string.Concat(templates.Small.OfType(LogRule).Select(Query));
        var guide = File.ReadAllLines(Path.Combine(DeployFolder.Root, "docs", "operations.md"));
        var first = guide.SkipWhile(line => !line.StartsWith("| alarm |", StringComparison.Ordinal)).Skip(2).Take(4).ToList();
        Assert.All(
            first,
            line => Assert.Contains(
                Named().Matches(line.Split('|')[1]).Select(match => match.Value),
                name => queries.Contains(name, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_cap_on_logs_is_an_alarm_and_does_not_silence_whether_app_and_database_live()
    {
        Assert.Contains(templates.Small.OfType(LogRule), rule => Query(rule).Contains("_LogOperation", StringComparison.Ordinal));
        var metrics = templates.Small.OfType(MetricRule).Select(
            rule => (string?)Snapshot.Array(rule, "properties.criteria.allOf").Single()["metricName"]);
        Assert.Superset(new HashSet<string?> { "HealthCheckStatus", "is_db_alive" }, metrics.ToHashSet());
    }

    [Fact]
    public void That_nothing_is_stored_any_more_is_an_alarm_that_no_cap_silences()
    {
        var rule = templates.Small.Named(MetricRule, "nothing-stored");
        var criterion = Snapshot.Array(rule, "properties.criteria.allOf").Single();
        Assert.Equal(
            "tup_inserted Total LessThan 1",
            $"{criterion["metricName"]} {criterion["timeAggregation"]} {criterion["operator"]} {criterion["threshold"]}");
        Assert.Equal("PT30M", Snapshot.Text(rule, "properties.windowSize"));
        Assert.Equal((string?)templates.Small.Only(Server)["id"], (string?)Snapshot.At(rule, "properties.scopes")!.AsArray().Single());

        // The server has databases of its own, into which it inserts.
        var dimension = Snapshot.Array(criterion, "dimensions").Single();
        Assert.Equal("DatabaseName Include", $"{dimension["name"]} {dimension["operator"]}");
        Assert.Equal(
            (string)templates.Small.Only($"{Server}/databases")["name"]!,
            $"{templates.Small.Only(Server)["name"]}/{dimension["values"]!.AsArray().Single()}");

        // It counts rows only when it is told to.
        Assert.Equal(
            "on",
            Snapshot.Text(templates.Small.Named($"{Server}/configurations", "metrics.collector_database_activity"), "properties.value"));
    }

    [Fact]
    public void Devices_that_are_silent_at_night_have_a_longer_time_or_no_such_alarm()
    {
        Assert.Equal("PT12H", Snapshot.Text(templates.Production.Named(MetricRule, "nothing-stored"), "properties.windowSize"));
        Assert.DoesNotContain(
            templates.Grown.OfType(MetricRule), rule => ((string)rule["name"]!).Contains("nothing-stored", StringComparison.Ordinal));
    }

    [Fact]
    public void Hub_database_vault_and_storage_report_to_the_workspace()
    {
        var settings = templates.Small.OfType("Microsoft.Insights/diagnosticSettings").Select(setting => (string)setting["id"]!).ToList();
        foreach (
            var type in new[]
            {
                "Microsoft.Devices/IotHubs",
                "Microsoft.DBforPostgreSQL/flexibleServers",
                "Microsoft.KeyVault/vaults",
                "Microsoft.Storage/storageAccounts",
            })
        {
            Assert.Contains(settings, id => id.Contains(type, StringComparison.Ordinal));
        }

        // The alarm that nobody reads compares with what the hub counts.
        var hub = templates.Small.OfType("Microsoft.Insights/diagnosticSettings").Single(
            setting => ((string)setting["id"]!).Contains("/IotHubs/", StringComparison.Ordinal));
        Assert.Equal("AllMetrics", (string?)Snapshot.Array(hub, "properties.metrics").Single()["category"]);
    }

    private static string Query(JsonObject rule) => (string)Snapshot.Array(rule, "properties.criteria.allOf").Single()["query"]!;

    private IEnumerable<string> Queries()
    {
        var page = JsonNode.Parse(Snapshot.Text(templates.Small.Only("Microsoft.Insights/workbooks"), "properties.serializedData")!)!;
        return templates.Small.OfType(LogRule).Select(Query)
            .Concat(Snapshot.Array(page, "items").Select(item => Snapshot.Text(item, "content.query")).OfType<string>());
    }

    [GeneratedRegex(@"(?<=Create\w+(<\w+>)?\(\s*)""(?<name>[\w.]+)""")]
    private static partial Regex EmittedMetric();

    [GeneratedRegex(@"(LoggerMessage\(|public const int \w+ = )(?<id>\d{4})")]
    private static partial Regex EmittedEvent();

    [GeneratedRegex(@"\[Function\((nameof\()?""?(?<name>\w+)")]
    private static partial Regex EmittedFunction();

    [GeneratedRegex(@"(?<="")ingest\.[\w.]+(?="")")]
    private static partial Regex Metric();

    [GeneratedRegex(@"(?<="")\d{4}(?="")")]
    private static partial Regex Event();

    [GeneratedRegex(@"(?<=OperationName == "")\w+(?="")")]
    private static partial Regex Function();

    [GeneratedRegex(@"(?<=`)(ingest\.[\w.]+|IngestTelemetry)(?=`)")]
    private static partial Regex Named();
}
