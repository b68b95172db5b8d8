using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed partial class SecretsTests(Support.Templates templates)
{
    [Fact]
    public void No_output_carries_a_secret()
    {
        var outputs =
            from compiled in templates.Compiled
            where compiled.Key.EndsWith(".bicep", StringComparison.Ordinal)
            from output in JsonNode.Parse((string)compiled.Value["contents"]!)!["outputs"]?.AsObject() ?? []
            select (Name: $"{compiled.Key}: {output.Key}", Value: output.Value!["value"]!.ToJsonString());
        var all = outputs.ToList();
        Assert.True(all.Count > 20);
        Assert.All(all, output => Assert.False(ReadsASecret().IsMatch(output.Value), $"{output.Name} is {output.Value}"));
    }

    [Fact]
    public void The_deployment_puts_out_names_and_addresses_and_nothing_else()
    {
        string[] known =
        [
            "callersSubnetId", "consoleName", "contentFiles", "cosmosEndpoint", "cosmosName", "functionAppHost", "functionAppName",
            "installation", "iotHubHost",
            "iotHubLocked", "iotHubName", "jobsPrincipalId", "jobsStorageName", "jobsSubnetId", "keyVaultName", "networkName",
            "outboundAddress", "postgresName", "region",
            "scmHost", "seedDevice", "stateBlobs",
        ];
        Assert.Equal(known, templates.Small.Outputs.Select(o => o.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Keys_are_read_into_the_vault_and_nowhere_else()
    {
        var readers = templates.Small.Resources.Concat(templates.Install.Resources).Concat(templates.Verify.Resources)
            .Where(resource => ReadsASecret().IsMatch(resource.ToJsonString()))
            .ToList();
        Assert.Equal(2, readers.Count);
        Assert.All(readers, resource =>
        {
            Assert.Equal("Microsoft.KeyVault/vaults/secrets", (string?)resource["type"]);
            resource["properties"]!.AsObject().Remove("value", out var value);
            Assert.Matches(ReadsASecret(), (string)value!);
            Assert.DoesNotMatch(ReadsASecret(), resource.ToJsonString());
            resource["properties"]!["value"] = value;
        });
    }

    [Fact]
    public void The_hub_is_read_with_the_policy_that_can_do_least()
    {
        var secret = (string)Snapshot.At(templates.Small.Named("Microsoft.KeyVault/vaults/secrets", "event-hub"), "properties.value")!;
        Assert.Contains("SharedAccessKeyName=service;", secret, StringComparison.Ordinal);
        Assert.Contains("'service'", secret, StringComparison.Ordinal);
        Assert.DoesNotContain("iothubowner", secret, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void No_app_setting_carries_a_secret()
    {
        var settings = AppSettings.Of(templates.Small);
        Assert.All(settings, setting => Assert.DoesNotMatch(ReadsASecret(), setting.Value));
        Assert.All(
            settings,
            setting => Assert.DoesNotMatch("(?i)password=|accountkey=|sharedaccesskey=|instrumentationkey=", setting.Value));
        Assert.All(
            new Dictionary<string, string> { ["EventHub"] = "event-hub", ["WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"] = "content-share" },
            secret => Assert.Matches(
                @"^\[format\('@Microsoft\.KeyVault\(SecretUri=\{0\}\)', "
                    + $@"reference\('[^']+/secrets/{secret.Value}', '[^']+'\)\.secretUri\)\]$",
                settings[secret.Key]));
    }

    [Fact]
    public void The_app_has_the_roles_it_needs_and_no_other()
    {
        string[] roles =
        [
            "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", // Storage Table Data Contributor
            "3913510d-42f4-4e42-8a64-420c390055eb", // Monitoring Metrics Publisher
            "4633458b-17de-408a-b874-0445c86b69e6", // Key Vault Secrets User, on one secret
            "4633458b-17de-408a-b874-0445c86b69e6", // and on the other
            "974c5e8b-45b9-4653-ba55-5f855dd0fb88", // Storage Queue Data Contributor
            "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", // Storage Blob Data Owner
        ];
        var assignments = templates.Small.OfType("Microsoft.Authorization/roleAssignments").ToList();
        Assert.Equal(
            roles,
            assignments.Select(a => Snapshot.Text(a, "properties.roleDefinitionId")!.Split('/', '\'')[^1]).Order(StringComparer.Ordinal));
        Assert.All(assignments, a => Assert.Contains("ingest-app-", Snapshot.Text(a, "properties.principalId"), StringComparison.Ordinal));
        Assert.All(
            assignments,
            a => Assert.Matches(
                @"^\[extensionResourceId\('[^']+/(storageAccounts|vaults/[^/']+/secrets|components)/[^/']+',", (string)a["id"]!));
    }

    [GeneratedRegex(@"(?i)\blist\w*\(|\.primaryKey|\.secondaryKey|primaryMasterKey|getSecret\(")]
    private static partial Regex ReadsASecret();
}
