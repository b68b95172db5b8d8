using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class FunctionAppTests(Support.Templates templates)
{
    private JsonObject App => templates.Small.Only("Microsoft.Web/sites");

    [Fact]
    public void The_app_denies_everyone_but_the_callers_subnet() =>
        DeniesEveryoneButTheCallersSubnet("ipSecurityRestrictions");

    [Fact]
    public void Scm_site_denies_everyone_but_the_callers_subnet()
    {
        Assert.False(Snapshot.Flag(App, "properties.siteConfig.scmIpSecurityRestrictionsUseMain"));
        DeniesEveryoneButTheCallersSubnet("scmIpSecurityRestrictions");
    }

    [Theory]
    [InlineData("ipSecurityRestrictions")]
    [InlineData("scmIpSecurityRestrictions")]
    public void Named_administrators_are_let_in_beside_the_callers_and_nobody_else_is(string list)
    {
        var rules = Snapshot.Array(templates.Production.Only("Microsoft.Web/sites"), $"properties.siteConfig.{list}");
        Assert.Equal(["callers", "administrator-0", "administrator-1"], rules.Select(r => (string?)r["name"]));
        Assert.Equal("192.0.2.7/32", (string?)rules[1]["ipAddress"]);
        Assert.Equal(3, rules.Select(r => (int)r["priority"]!).Distinct().Count());
    }

    [Fact]
    public void All_that_the_app_sends_goes_through_the_functions_subnet()
    {
        Assert.Equal("functions", Snapshot.SubnetOf(Snapshot.At(App, "properties.virtualNetworkSubnetId")));
        foreach (var traffic in new[] { "allTraffic", "applicationTraffic", "contentShareTraffic", "imagePullTraffic" })
        {
            Assert.True(Snapshot.Flag(App, $"properties.outboundVnetRouting.{traffic}"), traffic);
        }
    }

    [Fact]
    public void Plain_http_old_tls_and_ftp_are_off()
    {
        Assert.True(Snapshot.Flag(App, "properties.httpsOnly"));
        Assert.Equal("1.2", Snapshot.Text(App, "properties.siteConfig.minTlsVersion"));
        Assert.Equal("1.2", Snapshot.Text(App, "properties.siteConfig.scmMinTlsVersion"));
        Assert.Equal("Disabled", Snapshot.Text(App, "properties.siteConfig.ftpsState"));
    }

    [Fact]
    public void Publishing_takes_no_user_name_and_password()
    {
        var policies = templates.Small.OfType("Microsoft.Web/sites/basicPublishingCredentialsPolicies").ToList();
        Assert.Equal(["ftp", "scm"], policies.Select(p => ((string)p["name"]!).Split('/')[^1]).Order());
        Assert.All(policies, policy => Assert.False(Snapshot.Flag(policy, "properties.allow")));
    }

    [Fact]
    public void It_is_dotnet_10_on_linux_elastic_premium()
    {
        Assert.Equal("functionapp,linux", (string?)App["kind"]);
        Assert.Equal("DOTNET-ISOLATED|10.0", Snapshot.Text(App, "properties.siteConfig.linuxFxVersion"));
        var plan = templates.Small.Only("Microsoft.Web/serverfarms");
        Assert.Equal("ElasticPremium", Snapshot.Text(plan, "sku.tier"));
        Assert.True(Snapshot.Flag(plan, "properties.reserved"));
    }

    [Fact]
    public void Instances_come_and_go_by_what_the_runtime_itself_measures() =>
        Assert.True(Snapshot.Flag(App, "properties.siteConfig.functionsRuntimeScaleMonitoringEnabled"));

    [Fact]
    public void The_platform_asks_whether_the_process_lives() =>
        Assert.Equal("/api/live", Snapshot.Text(App, "properties.siteConfig.healthCheckPath"));

    [Fact]
    public void The_content_share_is_there_before_the_app()
    {
        var share = (string)templates.Small.Only("Microsoft.Storage/storageAccounts/fileServices/shares")["name"]!;
        Assert.Equal(share.Split('/')[^1], AppSettings.Of(templates.Small)["WEBSITE_CONTENTSHARE"]);

        var main = JsonNode.Parse((string)templates.Compiled["main.bicep"]["contents"]!)!;
        var waitsFor = Snapshot.At(main, "resources.functionApp.dependsOn")!.AsArray().Select(d => (string)d!);
        Assert.Contains("storage", waitsFor);
    }

    [Fact]
    public void The_content_shares_settings_come_after_identity_network_and_vault()
    {
        Assert.Null(Snapshot.At(App, "properties.siteConfig.appSettings"));
        var module = JsonNode.Parse((string)templates.Compiled[Path.Combine("modules", "functionapp.bicep")]["contents"]!)!;
        var settings = Snapshot.At(module, "resources.app::settings")!;
        Assert.Contains("app", settings["dependsOn"]!.AsArray().Select(name => (string)name!));
        Assert.NotNull(Snapshot.At(App, "identity.userAssignedIdentities"));
        Assert.NotNull(Snapshot.At(App, "properties.virtualNetworkSubnetId"));
        Assert.Contains(
            "/secrets/content-share",
            AppSettings.Of(templates.Small)["WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"],
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("small")]
    [InlineData("production")]
    public void No_instance_would_be_without_a_partition(string size)
    {
        var snapshot = size == "small" ? templates.Small : templates.Production;
        var instances = (int)Snapshot.At(snapshot.Only("Microsoft.Web/serverfarms"), "properties.maximumElasticWorkerCount")!;
        var partitions = (int)Snapshot.At(
            snapshot.Only("Microsoft.Devices/IotHubs"), "properties.eventHubEndpoints.events.partitionCount")!;
        Assert.InRange(instances, 1, partitions);
        Assert.Equal(instances, (int)Snapshot.At(snapshot.Only("Microsoft.Web/sites"), "properties.siteConfig.functionAppScaleLimit")!);
    }

    [Fact]
    public void In_production_the_loss_of_a_zone_leaves_instances_and_a_database()
    {
        var plan = templates.Production.Only("Microsoft.Web/serverfarms");
        Assert.True(Snapshot.Flag(plan, "properties.zoneRedundant"));
        Assert.InRange((int)Snapshot.At(plan, "sku.capacity")!, 3, 20);
        Assert.Equal(
            "ZoneRedundant",
            Snapshot.Text(templates.Production.Only("Microsoft.DBforPostgreSQL/flexibleServers"), "properties.highAvailability.mode"));
        var location = Assert.Single(
            Snapshot.Array(templates.Production.Only("Microsoft.DocumentDB/databaseAccounts"), "properties.locations"));
        Assert.True(Snapshot.Flag(location, "isZoneRedundant"));
    }

    [Fact]
    public void What_is_lost_can_be_had_back()
    {
        Assert.Equal(
            "Enabled",
            Snapshot.Text(templates.Production.Only("Microsoft.DBforPostgreSQL/flexibleServers"), "properties.backup.geoRedundantBackup"));
        Assert.All(
            [templates.Small, templates.Production],
            size => Assert.Equal(
                "Continuous", Snapshot.Text(size.Only("Microsoft.DocumentDB/databaseAccounts"), "properties.backupPolicy.type")));
    }

    private void DeniesEveryoneButTheCallersSubnet(string list)
    {
        Assert.Equal("Deny", Snapshot.Text(App, $"properties.siteConfig.{list}DefaultAction"));
        var rule = Assert.Single(Snapshot.Array(App, $"properties.siteConfig.{list}"));
        Assert.Equal("Allow", (string?)rule["action"]);
        Assert.Equal("callers", Snapshot.SubnetOf(rule["vnetSubnetResourceId"]));
        Assert.Null(rule["ipAddress"]);
    }
}
