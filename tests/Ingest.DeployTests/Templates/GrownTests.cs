using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

/// <summary>What the templates make of what deploy.sh has found.</summary>
public sealed class GrownTests(Support.Templates templates)
{
    private const string Server = "Microsoft.DBforPostgreSQL/flexibleServers";

    [Fact]
    public void The_disk_never_shrinks_below_what_it_has_grown_to()
    {
        Assert.Equal(256, Disk(templates.Grown));
        Assert.Equal(64, Disk(templates.Small));
    }

    [Fact]
    public void Extensions_and_libraries_that_were_added_stay()
    {
        Assert.Equal("timescaledb,postgis", Configuration(templates.Grown, "azure.extensions"));
        Assert.Equal("pgaudit,timescaledb", Configuration(templates.Grown, "shared_preload_libraries"));
    }

    [Fact]
    public void The_content_share_keeps_its_quota()
    {
        Assert.Equal(200, Quota(templates.Grown));
        Assert.Equal(50, Quota(templates.Small));
    }

    [Fact]
    public void A_subnet_keeps_its_route_table()
    {
        Assert.Equal("/routes/firewall", Snapshot.Text(templates.Grown.Subnet("functions"), "routeTable.id"));
        Assert.Null(Snapshot.At(templates.Grown.Subnet("callers"), "routeTable"));
        Assert.Null(Snapshot.At(templates.Small.Subnet("functions"), "routeTable"));
    }

    [Fact]
    public void Everything_that_takes_tags_says_to_which_installation_of_which_size_it_belongs()
    {
        string[] without =
        [
            "Microsoft.Authorization/roleAssignments", "Microsoft.DBforPostgreSQL/flexibleServers/configurations",
            "Microsoft.DBforPostgreSQL/flexibleServers/databases",
            "Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups", "Microsoft.DocumentDB/databaseAccounts/sqlDatabases",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers", "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
            "Microsoft.Insights/diagnosticSettings", "Microsoft.KeyVault/vaults/secrets",
            "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
            "Microsoft.Storage/storageAccounts/fileServices", "Microsoft.Storage/storageAccounts/fileServices/shares",
            "Microsoft.Web/sites/basicPublishingCredentialsPolicies", "Microsoft.Web/sites/config",
        ];
        Assert.All(templates.Grown.Resources.Where(resource => !without.Contains((string)resource["type"]!)), resource =>
        {
            Assert.True(resource["tags"] is not null, (string)resource["id"]!);
            Assert.Equal("small", (string?)resource["tags"]!["ingest-size"]);
            Assert.Equal("ingest", (string?)resource["tags"]!["ingest-installation"]);
            Assert.Equal("4711", (string?)resource["tags"]!["costCenter"]);
        });
    }

    [Theory]
    [InlineData(false, "primaryKey", "keys[0]")]
    [InlineData(true, "secondaryKey", "keys[1]")]
    public void The_vault_holds_the_keys_that_were_asked_for_and_says_which(bool second, string hubKey, string shareKey)
    {
        var snapshot = second ? templates.Grown : templates.Small;
        Assert.Contains($".{hubKey}", Secret(snapshot, "event-hub"), StringComparison.Ordinal);
        Assert.Contains($".{shareKey}", Secret(snapshot, "content-share"), StringComparison.Ordinal);
        var tags = snapshot.Only("Microsoft.KeyVault/vaults")["tags"]!;
        Assert.Equal(second ? "secondary" : "primary", (string?)tags["ingest-hub-key"]);
        Assert.Equal(second ? "secondary" : "primary", (string?)tags["ingest-share-key"]);
    }

    [Fact]
    public void A_part_of_a_deployment_is_named_after_the_whole()
    {
        var parts =
            from compiled in templates.Compiled
            where compiled.Key.EndsWith(".bicep", StringComparison.Ordinal)
            from resource in JsonNode.Parse((string)compiled.Value["contents"]!)!["resources"] as JsonObject ?? []
            where (string?)resource.Value!["type"] == "Microsoft.Resources/deployments"
            select (string?)resource.Value!["name"];
        Assert.All(parts, name => Assert.StartsWith("[format('{0}-", name, StringComparison.Ordinal));
        Assert.All(parts, name => Assert.Contains("', deployment().name", name, StringComparison.Ordinal));
    }

    [Fact]
    public void A_restored_server_is_locked_as_the_first_one_was() =>
        Assert.Contains(
            templates.Moved.OfType("Microsoft.Authorization/locks"),
            one => ((string)one["id"]!).Contains("/flexibleServers/the-restored/", StringComparison.Ordinal));

    [Fact]
    public void A_restored_server_takes_the_first_ones_place_and_keeps_its_zone()
    {
        Assert.Equal("the-restored", (string?)templates.Grown.Only(Server)["name"]);
        Assert.Equal("the-restored", (string?)templates.Grown.Outputs["postgresName"]);
        Assert.Equal(
            (string?)templates.Small.Only("Microsoft.Network/privateDnsZones")["name"],
            (string?)templates.Grown.Only("Microsoft.Network/privateDnsZones")["name"]);
        Assert.Equal("the-restored", (string?)templates.Grown.Only("Microsoft.Network/virtualNetworks")["tags"]!["ingest-database"]);
    }

    private static int Disk(Snapshot snapshot) => (int)Snapshot.At(snapshot.Only(Server), "properties.storage.storageSizeGB")!;

    private static string? Configuration(Snapshot snapshot, string name) =>
        Snapshot.Text(snapshot.Named($"{Server}/configurations", name), "properties.value");

    private static int Quota(Snapshot snapshot) =>
        (int)Snapshot.At(snapshot.Only("Microsoft.Storage/storageAccounts/fileServices/shares"), "properties.shareQuota")!;

    private static string Secret(Snapshot snapshot, string name) =>
        Snapshot.Text(snapshot.Named("Microsoft.KeyVault/vaults/secrets", name), "properties.value")!;
}
