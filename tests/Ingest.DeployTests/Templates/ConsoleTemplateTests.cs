using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class ConsoleTemplateTests(Support.Templates templates)
{
    private JsonObject Group => templates.Console.Only("Microsoft.ContainerInstance/containerGroups");

    private JsonObject Container => Snapshot.Array(Group, "properties.containers").Single();

    [Fact]
    public void A_command_runs_once_in_the_jobs_subnet_under_the_consoles_identity()
    {
        Assert.Equal("jobs", Snapshot.SubnetOf(Assert.Single(Snapshot.Array(Group, "properties.subnetIds"))["id"]));
        Assert.Equal("Never", Snapshot.Text(Group, "properties.restartPolicy"));
        Assert.Null(Snapshot.At(Group, "properties.ipAddress"));
        Assert.Contains(
            "/ingest-console-",
            Assert.Single(Snapshot.At(Group, "identity.userAssignedIdentities")!.AsObject()).Key,
            StringComparison.Ordinal);
        Assert.Equal(
            ["dotnet", "/program/Ingest.Cli.dll", "status", "--json"],
            Snapshot.At(Container, "properties.command")!.AsArray().Select(part => (string)part!));
    }

    [Fact]
    public void The_consoles_identity_has_no_right_in_Azure()
    {
        var rights = templates.Small.Resources.Concat(templates.Install.Resources).Concat(templates.Console.Resources)
            .Where(
                resource =>
                    (string?)resource["type"] is "Microsoft.Authorization/roleAssignments"
                        or "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments");
        Assert.All(rights, right => Assert.DoesNotContain("ingest-console-", right.ToJsonString(), StringComparison.Ordinal));
    }

    [Fact]
    public void Its_secrets_are_secure_and_its_mapping_is_the_apps()
    {
        var environment = (string)Snapshot.At(Container, "properties.environmentVariables")!;
        Assert.Matches(@"'name', 'Hub__ConnectionString', 'secureValue', format\('Endpoint=", environment);
        Assert.Contains(
            "createObject('name', lambdaVariables('setting').key, 'secureValue', lambdaVariables('setting').value)",
            environment,
            StringComparison.Ordinal);
        var sections = Snapshot.At(
            JsonNode.Parse((string)templates.Compiled["console.bicep"]["contents"]!), "variables.sharedSections")!.AsArray();
        Assert.Equal(
            ["Commit__", "DeadLetters__", "Hub__", "Telemetry__"],
            sections.Select(section => (string)section!).Order(StringComparer.Ordinal));
        Assert.DoesNotMatch("'value', [^)]*SharedAccessKey", environment);
    }

    [Fact]
    public void Only_a_migration_acts_as_the_owner()
    {
        Assert.DoesNotContain("role=ingest_owner", Group.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains(
            "role=ingest_owner",
            templates.ConsoleMigrate.Only("Microsoft.ContainerInstance/containerGroups").ToJsonString(),
            StringComparison.Ordinal);
    }
}
