using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class DataTests(Support.Templates templates)
{
    private Snapshot Small => templates.Small;

    [Fact]
    public void Cosmos_answers_only_to_the_functions_subnet()
    {
        var account = Small.Only("Microsoft.DocumentDB/databaseAccounts");
        Assert.True(Snapshot.Flag(account, "properties.isVirtualNetworkFilterEnabled"));
        var rule = Assert.Single(Snapshot.Array(account, "properties.virtualNetworkRules"));
        Assert.Equal("functions", Snapshot.SubnetOf(rule["id"]));
        Assert.False(Snapshot.Flag(rule, "ignoreMissingVNetServiceEndpoint"));
        Assert.Equal("None", Snapshot.Text(account, "properties.networkAclBypass"));
        Assert.Empty(Snapshot.Array(account, "properties.ipRules"));
        Assert.Empty(Snapshot.At(account, "properties.networkAclBypassResourceIds")!.AsArray());

        // The service endpoint needs the public endpoint: it is the rules above that close it.
        Assert.Equal("Enabled", Snapshot.Text(account, "properties.publicNetworkAccess"));
    }

    [Fact]
    public void Cosmos_takes_no_keys_and_the_app_may_only_read()
    {
        Assert.True(Snapshot.Flag(Small.Only("Microsoft.DocumentDB/databaseAccounts"), "properties.disableLocalAuth"));
        var role = Small.Only("Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments");
        Assert.EndsWith(
            "/sqlRoleDefinitions/00000000-0000-0000-0000-000000000001",
            Snapshot.Text(role, "properties.roleDefinitionId"),
            StringComparison.Ordinal);
        Assert.Contains("ingest-app-", Snapshot.Text(role, "properties.principalId"), StringComparison.Ordinal);
        Assert.EndsWith("/dbs/devices/colls/Container", Snapshot.Text(role, "properties.scope"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_lookup_finds_its_container_keyed_by_id()
    {
        var container = Small.Only("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers");
        var settings = AppSettings.Of(Small);
        Assert.EndsWith(
            $"/{settings["CosmosDatabase"]}/{settings["CosmosContainer"]}", (string)container["name"]!, StringComparison.Ordinal);
        Assert.Equal("/id", (string?)Snapshot.At(container, "properties.resource.partitionKey.paths")![0]);
    }

    [Fact]
    public void The_database_has_no_public_address_and_takes_no_passwords()
    {
        var server = Small.Only("Microsoft.DBforPostgreSQL/flexibleServers");
        Assert.Equal("Disabled", Snapshot.Text(server, "properties.network.publicNetworkAccess"));
        Assert.Equal("database", Snapshot.SubnetOf(Snapshot.At(server, "properties.network.delegatedSubnetResourceId")));
        Assert.Equal("Enabled", Snapshot.Text(server, "properties.authConfig.activeDirectoryAuth"));
        Assert.Equal("Disabled", Snapshot.Text(server, "properties.authConfig.passwordAuth"));
        Assert.Empty(Small.OfType("Microsoft.DBforPostgreSQL/flexibleServers/firewallRules"));
        Assert.Empty(Small.OfType("Microsoft.DBforPostgreSQL/flexibleServers/administrators"));
    }

    [Fact]
    public void The_database_has_a_private_name_that_the_network_resolves()
    {
        var zone = Small.Only("Microsoft.Network/privateDnsZones");
        Assert.EndsWith(".private.postgres.database.azure.com", (string)zone["name"]!, StringComparison.Ordinal);
        Assert.Equal(
            (string?)zone["id"],
            Snapshot.Text(Small.Only("Microsoft.DBforPostgreSQL/flexibleServers"), "properties.network.privateDnsZoneArmResourceId"));
        Assert.Equal(
            (string?)Small.Only("Microsoft.Network/virtualNetworks")["id"],
            Snapshot.Text(Small.Only("Microsoft.Network/privateDnsZones/virtualNetworkLinks"), "properties.virtualNetwork.id"));
    }

    [Fact]
    public void TimescaleDB_is_allowed_and_loaded_at_start()
    {
        Assert.Equal("timescaledb", Configuration("azure.extensions"));
        Assert.Contains("timescaledb", Configuration("shared_preload_libraries")!.Split(','));
        Assert.Equal("17", Snapshot.Text(Small.Only("Microsoft.DBforPostgreSQL/flexibleServers"), "properties.version"));
    }

    [Fact]
    public void In_production_the_hub_and_its_built_in_endpoint_answer_only_to_named_addresses()
    {
        var rules = Snapshot.At(templates.Production.Only("Microsoft.Devices/IotHubs"), "properties.networkRuleSets")!;
        Assert.Equal("Deny", (string?)rules["defaultAction"]);
        Assert.True(Snapshot.Flag(rules, "applyToBuiltInEventHubEndpoint"));
        var addresses = Snapshot.Array(rules, "ipRules");
        Assert.DoesNotContain(addresses, rule => ((string)rule["ipMask"]!).Contains(':', StringComparison.Ordinal));
        Assert.All(addresses, rule => Assert.Equal("Allow", (string?)rule["action"]));
        Assert.All(Enumerable.Range(0, 3), i =>
            Assert.Matches(
                $@"^\[format\('\{{0\}}/32', reference\('[^']+/publicIPAddresses/ingest-nat-{i + 1}-address', '[^']+'\)\.ipAddress\)\]$",
                (string?)addresses[i]["ipMask"]));
        Assert.Equal(["198.51.100.0/24", "203.0.113.0/24", "192.0.2.7/32"], addresses.Skip(3).Select(rule => (string?)rule["ipMask"]));
    }

    [Fact]
    public void In_production_what_holds_data_is_locked_and_tagged_and_nothing_else_is()
    {
        var locks = templates.Production.OfType("Microsoft.Authorization/locks").ToList();
        Assert.All(locks, one => Assert.Equal("CanNotDelete", Snapshot.Text(one, "properties.level")));
        var tagged = templates.Production.Resources.Where(resource => resource["tags"]?["ingest-data"] is not null).ToList();
        Assert.Equal(
            [
                "Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.Devices/IotHubs", "Microsoft.DocumentDB/databaseAccounts",
                "Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts",
            ],
            tagged.Select(resource => (string)resource["type"]!).Order(StringComparer.Ordinal));
        Assert.Equal(
            tagged.Select(resource => $"{resource["id"]}/providers/Microsoft.Authorization/locks/ingest-data").Order(),
            locks.Select(one => (string)one["id"]!).Order());
        Assert.Empty(Small.OfType("Microsoft.Authorization/locks"));
    }

    [Fact]
    public void The_hub_asks_for_no_TLS_version_that_few_regions_know() =>
        Assert.Null(Snapshot.At(Small.Only("Microsoft.Devices/IotHubs"), "properties.minTlsVersion"));

    [Fact]
    public void Vault_storage_and_servers_take_the_names_they_get()
    {
        Assert.All(
            templates.Named.OfType("Microsoft.Storage/storageAccounts"),
            account => Assert.Matches("^[a-z0-9]{3,24}$", (string)account["name"]!));
        Assert.Matches("^[a-z](?!.*--)[a-z0-9-]{1,22}[a-z0-9]$", (string)templates.Named.Only("Microsoft.KeyVault/vaults")["name"]!);
        foreach (
            var type in new[]
            {
                "Microsoft.DBforPostgreSQL/flexibleServers",
                "Microsoft.DocumentDB/databaseAccounts",
                "Microsoft.Devices/IotHubs",
                "Microsoft.Web/sites",
            })
        {
            Assert.Matches("^[a-z0-9](?!.*--)[a-z0-9-]{1,42}[a-z0-9]$", (string)templates.Named.Only(type)["name"]!);
        }
    }

    [Fact]
    public void The_app_reads_one_consumer_group_of_its_own_and_a_replay_the_other()
    {
        var groups = Small.OfType(
            "Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups").Select(g => ((string)g["name"]!).Split('/')[^1]);
        Assert.Equal(["live", "replay"], groups.Order());
        Assert.Equal("live", AppSettings.Of(Small)["HubConsumerGroup"]);
    }

    [Fact]
    public void Storage_answers_only_to_the_functions_subnet()
    {
        var accounts = Small.OfType("Microsoft.Storage/storageAccounts").ToList();
        Assert.Equal(2, accounts.Count);
        Assert.All(accounts, account => AnswersOnlyTo("functions", account));
        Assert.All(accounts, account => Assert.False(Snapshot.Flag(account, "properties.allowBlobPublicAccess")));
        Assert.All(accounts, account => Assert.Equal("TLS1_2", Snapshot.Text(account, "properties.minimumTlsVersion")));
    }

    [Fact]
    public void Checkpoints_take_no_keys() =>
        Assert.False(Snapshot.Flag(Small.Named("Microsoft.Storage/storageAccounts", "state"), "properties.allowSharedKeyAccess"));

    [Fact]
    public void The_key_vault_answers_only_to_the_functions_subnet()
    {
        var vault = Small.Only("Microsoft.KeyVault/vaults");
        AnswersOnlyTo("functions", vault);
        Assert.True(Snapshot.Flag(vault, "properties.enableRbacAuthorization"));
    }

    [Fact]
    public void The_account_of_the_jobs_answers_only_to_the_jobs_subnet()
    {
        // The service that runs deployment scripts writes them there from outside, as one that Azure trusts.
        Assert.All(
            [templates.Install, templates.Verify],
            jobs => AnswersOnlyTo("jobs", jobs.Only("Microsoft.Storage/storageAccounts"), bypass: "AzureServices"));
    }

    [Fact]
    public void Application_Insights_and_its_workspace_take_no_keys()
    {
        Assert.True(Snapshot.Flag(Small.Only("Microsoft.Insights/components"), "properties.DisableLocalAuth"));
        Assert.True(Snapshot.Flag(Small.Only("Microsoft.OperationalInsights/workspaces"), "properties.features.disableLocalAuth"));
    }

    private static void AnswersOnlyTo(string subnet, JsonObject resource, string bypass = "None")
    {
        var rules = Snapshot.At(resource, "properties.networkAcls")!;
        Assert.Equal("Deny", (string?)rules["defaultAction"]);
        Assert.Equal(bypass, (string?)rules["bypass"]);
        Assert.Empty(rules["ipRules"]!.AsArray());
        Assert.Equal(subnet, Snapshot.SubnetOf(Assert.Single(Snapshot.Array(rules, "virtualNetworkRules"))["id"]));
    }

    private string? Configuration(string name) =>
        Snapshot.Text(Small.Named("Microsoft.DBforPostgreSQL/flexibleServers/configurations", name), "properties.value");
}
