using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class CompilationTests(Support.Templates templates)
{
    [Fact]
    public void Every_template_and_parameters_file_compiles_without_a_remark()
    {
        Assert.True(templates.Compiled.Count > 10);
        Assert.Empty(templates.Remarks());
        Assert.All(templates.Compiled, compiled => Assert.True((bool)compiled.Value["success"]!, compiled.Key));
    }

    [Fact]
    public void Every_rule_of_the_linter_is_an_error()
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(DeployFolder.Functions, "bicepconfig.json")))!;
        var rules = Snapshot.At(config, "analyzers.core.rules")!.AsObject();
        Assert.True(Snapshot.Flag(config, "analyzers.core.enabled"));
        Assert.True(rules.Count > 30);
        Assert.All(rules, rule => Assert.Equal("error", (string?)rule.Value!["level"]));
    }

    [Fact]
    public void Every_parameter_says_what_it_is()
    {
        var silent =
            from compiled in templates.Compiled
            where compiled.Key.EndsWith(".bicep", StringComparison.Ordinal)
            let template = JsonNode.Parse((string)compiled.Value["contents"]!)!
            from parameter in template["parameters"]?.AsObject() ?? []
            where Snapshot.Text(parameter.Value, "metadata.description") is null
            select $"{compiled.Key}: {parameter.Key}";
        Assert.Empty(silent);
    }

    [Fact]
    public void Every_resource_uses_the_api_version_we_know()
    {
        var known = new Dictionary<string, string>
        {
            ["Microsoft.Authorization"] = "2022-04-01",
            ["Microsoft.Authorization/locks"] = "2020-05-01",
            ["Microsoft.ContainerInstance"] = "2025-09-01",
            ["Microsoft.DBforPostgreSQL"] = "2025-08-01",
            ["Microsoft.Devices"] = "2023-06-30",
            ["Microsoft.DocumentDB"] = "2025-04-15",
            ["Microsoft.Insights"] = "2020-02-02",
            ["Microsoft.Insights/actionGroups"] = "2023-01-01",
            ["Microsoft.Insights/diagnosticSettings"] = "2021-05-01-preview",
            ["Microsoft.Insights/metricAlerts"] = "2018-03-01",
            ["Microsoft.Insights/scheduledQueryRules"] = "2023-12-01",
            ["Microsoft.Insights/workbooks"] = "2023-06-01",
            ["Microsoft.KeyVault"] = "2024-11-01",
            ["Microsoft.ManagedIdentity"] = "2024-11-30",
            ["Microsoft.Network"] = "2025-05-01",
            ["Microsoft.OperationalInsights"] = "2025-02-01",
            ["Microsoft.Resources"] = "2023-08-01",
            ["Microsoft.Storage"] = "2025-06-01",
            ["Microsoft.Web"] = "2025-03-01",
        };
        var resources = templates.Production.Resources.Concat(templates.Install.Resources)
            .Concat(templates.Verify.Resources)
            .Concat(templates.Console.Resources)
            .Where(resource => !((string)resource["type"]!).StartsWith("Microsoft.Network/privateDnsZones", StringComparison.Ordinal));
        Assert.All(resources, resource =>
            Assert.Equal(
                known.TryGetValue((string)resource["type"]!, out var version) ? version : known[((string)resource["type"]!).Split('/')[0]],
                (string?)resource["apiVersion"]));

        // Diagnostic settings have no stable version that knows what is set here.
        Assert.DoesNotContain(
            known,
            version =>
                version.Value.EndsWith("-preview", StringComparison.Ordinal) && version.Key != "Microsoft.Insights/diagnosticSettings");
    }
}
