using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class NetworkTests(Support.Templates templates)
{
    private const string Address = "Microsoft.Network/publicIPAddresses";

    private static readonly string[] Subnets = ["callers", "functions", "database", "jobs"];

    [Fact]
    public void There_are_four_subnets_and_each_has_a_range_and_a_security_group_of_its_own()
    {
        var subnets = Snapshot.Array(templates.Small.Only("Microsoft.Network/virtualNetworks"), "properties.subnets");
        Assert.Equal(Subnets, subnets.Select(s => (string)s["name"]!));
        Assert.Equal(
            ["10.40.0.0/24", "10.40.1.0/26", "10.40.1.64/26", "10.40.1.128/26"],
            subnets.Select(s => Snapshot.Text(s, "properties.addressPrefix")));
        Assert.All(
            subnets,
            s => Assert.EndsWith(
                $"/networkSecurityGroups/ingest-network-{s["name"]}",
                Snapshot.Text(s, "properties.networkSecurityGroup.id"),
                StringComparison.Ordinal));
    }

    [Fact]
    public void Security_groups_deny_whatever_they_do_not_name()
    {
        var groups = templates.Small.OfType("Microsoft.Network/networkSecurityGroups").ToList();
        Assert.Equal(4, groups.Count);
        foreach (var group in groups)
        {
            var last = Rules(group).Where(r => (string?)r["access"] == "Deny").ToList();
            Assert.Equal(["Inbound", "Outbound"], last.Select(r => (string?)r["direction"]).Order());
            Assert.All(last, rule =>
            {
                Assert.Equal(4096, (int)rule["priority"]!);
                Assert.Equal("*", (string?)rule["protocol"]);
                Assert.Equal("*", (string?)rule["sourceAddressPrefix"]);
                Assert.Equal("*", (string?)rule["destinationAddressPrefix"]);
                Assert.Equal("*", (string?)rule["destinationPortRange"]);
            });
        }
    }

    [Fact]
    public void Only_functions_jobs_and_its_own_replicas_reach_the_database()
    {
        var inbound = templates.Small.OfType("Microsoft.Network/networkSecurityGroups")
            .SelectMany(group => Rules(group).Select(rule => (Group: (string)group["name"]!, Rule: rule)))
            .Where(r => (string?)r.Rule["access"] == "Allow" && (string?)r.Rule["direction"] == "Inbound")
            .ToList();
        Assert.All(inbound, r => Assert.EndsWith("-database", r.Group, StringComparison.Ordinal));
        Assert.Equal(
            ["10.40.1.0/26", "10.40.1.128/26", "10.40.1.64/26"],
            inbound.Select(r => (string?)r.Rule["sourceAddressPrefix"]).Order());
        Assert.All(inbound, r => Assert.Subset(new HashSet<string> { "5432", "6432" }, Ports(r.Rule)));
    }

    [Fact]
    public void Only_the_jobs_reach_the_internet_and_only_by_https()
    {
        var internet = templates.Small.OfType("Microsoft.Network/networkSecurityGroups")
            .SelectMany(group => Rules(group).Select(rule => (Group: (string)group["name"]!, Rule: rule)))
            .Where(
                r =>
                    (string?)r.Rule["access"] == "Allow"
                        && (string?)r.Rule["destinationAddressPrefix"] is "Internet" or "*" or "0.0.0.0/0");
        var only = Assert.Single(internet);
        Assert.EndsWith("-jobs", only.Group, StringComparison.Ordinal);
        Assert.Equal(["443"], Ports(only.Rule));
    }

    [Theory]
    [InlineData("callers", "AppService.westeurope")]
    [InlineData(
        "functions",
        "10.40.1.64/26 AzureActiveDirectory AzureCosmosDB.westeurope AzureKeyVault.westeurope AzureMonitor EventHub.westeurope "
            + "Storage.westeurope")]
    [InlineData("database", "10.40.1.64/26 AzureActiveDirectory Storage.westeurope")]
    [InlineData("jobs", "10.40.1.64/26 Internet Storage.westeurope")]
    public void A_subnet_reaches_the_services_it_needs_in_its_region_and_no_other(string subnet, string expected)
    {
        var group = templates.Small.Named("Microsoft.Network/networkSecurityGroups", $"-{subnet}");
        var outbound = Rules(group).Where(rule => (string?)rule["access"] == "Allow" && (string?)rule["direction"] == "Outbound");
        Assert.Equal(
            expected,
            string.Join(' ', outbound.Select(rule => (string)rule["destinationAddressPrefix"]!).Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void After_a_failover_the_hub_is_reached_in_the_other_region_too()
    {
        var rules = Rules(templates.Production.Named("Microsoft.Network/networkSecurityGroups", "-functions"));
        Assert.Equal(
            ["EventHub.northeurope", "EventHub.westeurope"],
            rules.Select(rule => (string)rule["destinationAddressPrefix"]!).Where(
                to => to.StartsWith("EventHub", StringComparison.Ordinal)).Order());
    }

    [Theory]
    [InlineData("functions")]
    [InlineData("jobs")]
    public void Through_its_endpoint_a_subnet_reaches_storage_of_this_group_alone(string subnet)
    {
        var policy = templates.Small.Only("Microsoft.Network/serviceEndpointPolicies");
        Assert.Equal(
            (string?)policy["id"], (string?)Assert.Single(Snapshot.Array(templates.Small.Subnet(subnet), "serviceEndpointPolicies"))["id"]);
        var definition = Assert.Single(Snapshot.Array(policy, "properties.serviceEndpointPolicyDefinitions"))["properties"]!;
        Assert.Equal("Microsoft.Storage", (string?)definition["service"]);
        Assert.Equal(
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg",
            (string?)Assert.Single(definition["serviceResources"]!.AsArray()));
    }

    [Theory]
    [InlineData("callers", "Microsoft.Web")]
    [InlineData("functions", "Microsoft.AzureCosmosDB Microsoft.KeyVault Microsoft.Storage")]
    [InlineData("database", "")]
    [InlineData("jobs", "Microsoft.AzureCosmosDB Microsoft.Storage")]
    public void A_subnet_has_the_service_endpoints_it_needs_and_no_other(string subnet, string expected)
    {
        var endpoints = templates.Small.Subnet(subnet)["serviceEndpoints"]?.AsArray()
            .Select(e => (string)e!["service"]!)
            .Order() ?? Enumerable.Empty<string>();
        Assert.Equal(expected, string.Join(' ', endpoints));
    }

    [Fact]
    public void The_functions_reach_the_hub_from_the_one_address_that_its_filter_can_name()
    {
        var gateway = templates.Small.Only("Microsoft.Network/natGateways");
        foreach (var subnet in new[] { "callers", "functions", "jobs" })
        {
            Assert.Equal((string?)gateway["id"], Snapshot.Text(templates.Small.Subnet(subnet), "natGateway.id"));
        }

        // A service endpoint for Event Hubs would replace that address with a private one.
        var endpoints = templates.Small.Subnet("functions")["serviceEndpoints"]!.ToJsonString();
        Assert.DoesNotContain("Microsoft.EventHub", endpoints, StringComparison.Ordinal);
        Assert.Equal(
            "Static", Snapshot.Text(templates.Small.Only("Microsoft.Network/publicIPAddresses"), "properties.publicIPAllocationMethod"));
    }

    [Fact]
    public void In_production_each_zone_has_a_NAT_gateway_and_the_subnets_go_through_one()
    {
        Assert.Equal(["1", "2", "3"], templates.Production.OfType("Microsoft.Network/natGateways").Select(Zone).Order());
        Assert.All(templates.Production.OfType("Microsoft.Network/natGateways"), gateway =>
        {
            var address = Snapshot.Array(gateway, "properties.publicIpAddresses").Single();
            Assert.Equal(
                Zone(gateway), Zone(templates.Production.OfType(Address).Single(other => (string?)other["id"] == (string?)address["id"])));
        });
        Assert.All(Subnets.Except(["database"]), subnet => Assert.Equal("ingest-nat-1", Gateway(templates.Production, subnet)));
        Assert.Null(templates.Small.Only("Microsoft.Network/natGateways")["zones"]);
    }

    [Fact]
    public void An_operator_who_attached_the_gateway_of_another_zone_keeps_it() =>
        Assert.All(Subnets.Except(["database"]), subnet => Assert.Equal("ingest-nat-2", Gateway(templates.Moved, subnet)));

    [Theory]
    [InlineData("functions", "Microsoft.Web/serverFarms")]
    [InlineData("database", "Microsoft.DBforPostgreSQL/flexibleServers")]
    [InlineData("jobs", "Microsoft.ContainerInstance/containerGroups")]
    public void A_subnet_belongs_to_the_service_that_lives_in_it(string subnet, string service)
    {
        var delegation = Assert.Single(Snapshot.Array(templates.Small.Subnet(subnet), "delegations"));
        Assert.Equal(service, Snapshot.Text(delegation, "properties.serviceName"));
    }

    private static string? Zone(JsonObject resource) => (string?)resource["zones"]!.AsArray().Single();

    private static string Gateway(Snapshot snapshot, string subnet) =>
        Snapshot.Text(snapshot.Subnet(subnet), "natGateway.id")!.Split('/')[^1];

    private static IEnumerable<JsonObject> Rules(JsonObject group) =>
        Snapshot.Array(group, "properties.securityRules").Select(rule => rule["properties"]!.AsObject());

    private static HashSet<string> Ports(JsonObject rule) => [.. rule["destinationPortRanges"]!.AsArray().Select(p => (string)p!)];
}
