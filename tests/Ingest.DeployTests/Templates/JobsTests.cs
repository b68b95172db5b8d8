using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class JobsTests(Support.Templates templates)
{
    private const string Script = "Microsoft.Resources/deploymentScripts";
    private const string Administrator = "Microsoft.DBforPostgreSQL/flexibleServers/administrators";
    private const string CosmosRole = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments";
    private const string JobsIdentity = "11111111-1111-1111-1111-111111111111";

    private IEnumerable<JsonObject> Scripts =>
        new[] { templates.Install, templates.InstallWithoutDevice, templates.Verify }.SelectMany(snapshot => snapshot.OfType(Script));

    [Fact]
    public void Jobs_run_inside_the_network_in_their_own_subnet()
    {
        Assert.Equal(4, Scripts.Count());
        Assert.All(Scripts, script =>
            Assert.Equal("jobs", Snapshot.SubnetOf(Assert.Single(Snapshot.Array(script, "properties.containerSettings.subnetIds"))["id"])));
    }

    [Fact]
    public void Jobs_run_under_their_own_identity_and_carry_no_secret()
    {
        Assert.All(Scripts, script =>
        {
            Assert.Contains(
                "/ingest-jobs-",
                Assert.Single(Snapshot.At(script, "identity.userAssignedIdentities")!.AsObject()).Key,
                StringComparison.Ordinal);
            Assert.Null(Snapshot.At(script, "properties.storageAccountSettings.storageAccountKey"));
            Assert.All(Snapshot.Array(script, "properties.environmentVariables"), variable => Assert.Null(variable["secureValue"]));
        });
    }

    [Fact]
    public void The_standing_deployment_gives_the_jobs_no_right()
    {
        var rights = templates.Small.Resources.Where(
            r => (string?)r["type"] is "Microsoft.Authorization/roleAssignments" or Administrator or CosmosRole);
        Assert.NotEmpty(rights);
        Assert.All(rights, right => Assert.DoesNotContain("ingest-jobs-", right.ToJsonString(), StringComparison.Ordinal));
    }

    [Fact]
    public void An_installation_may_administer_the_database_and_write_documents_of_the_lookups_container()
    {
        Assert.EndsWith($"/{JobsIdentity}", (string)templates.Install.Only(Administrator)["name"]!, StringComparison.Ordinal);
        var role = templates.Install.Only(CosmosRole);
        Assert.EndsWith(
            "/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002",
            Snapshot.Text(role, "properties.roleDefinitionId"),
            StringComparison.Ordinal);
        Assert.EndsWith("/dbs/devices/colls/Container", Snapshot.Text(role, "properties.scope"), StringComparison.Ordinal);
        Assert.Equal(["69566ab7-960f-475b-8e7c-b3118f30c6bd"], AzureRoles(templates.Install));
    }

    [Fact]
    public void An_installation_without_a_device_leaves_Cosmos_alone()
    {
        Assert.Empty(templates.InstallWithoutDevice.OfType(CosmosRole));
        Assert.Equal("ingest-migrate", (string?)templates.InstallWithoutDevice.Only(Script)["name"]);
    }

    [Fact]
    public void A_verification_may_read_the_database_and_register_its_device_but_write_no_document()
    {
        Assert.Empty(templates.Verify.OfType(CosmosRole));
        Assert.Equal(["4fc6c259-987e-4a07-842e-c321cc9d413f", "69566ab7-960f-475b-8e7c-b3118f30c6bd"], AzureRoles(templates.Verify));
        Assert.Equal("ingest-verify", (string?)templates.Verify.Only(Script)["name"]);
    }

    [Fact]
    public void A_job_finds_every_variable_its_script_asks_for()
    {
        var given = Scripts.ToLookup(script => ((string)script["name"]!)["ingest-".Length..], Variables);
        Assert.Equal(["migrate", "seed", "verify"], given.Select(g => g.Key).Order());
        foreach (var job in given)
        {
            var asked = File.ReadAllLines(Path.Combine(DeployFolder.Functions, "jobs", $"{job.Key}.sh"))
                .Where(line => line.StartsWith(": ", StringComparison.Ordinal))
                .SelectMany(line => line.Split('"').Where(part => part.StartsWith("${", StringComparison.Ordinal)))
                .Select(part => part["${".Length..part.IndexOf(':', StringComparison.Ordinal)])
                .Where(name => name != "AZ_SCRIPTS_OUTPUT_PATH")
                .Order(StringComparer.Ordinal);
            Assert.All(job, variables => Assert.Equal(asked, variables.Order(StringComparer.Ordinal)));
        }
    }

    [Fact]
    public void The_image_of_the_jobs_and_the_packages_they_install_are_one_release_each()
    {
        Assert.All(Scripts, script => Assert.Matches(@"^\d+\.\d+\.\d+$", Snapshot.Text(script, "properties.azCliVersion")));
        var packages = Scripts.SelectMany(script => Snapshot.Array(script, "properties.environmentVariables"))
            .Where(variable => (string?)variable["name"] == "PACKAGES")
            .SelectMany(variable => ((string)variable["value"]!).Split(' '))
            .Distinct()
            .ToList();
        Assert.NotEmpty(packages);
        Assert.All(packages, package => Assert.Matches(@"^[a-z-]+-\d+(\.\d+)*-\d+\.azl3$", package));
    }

    [Fact]
    public void The_migration_carries_the_scripts_it_was_given()
    {
        var script = Snapshot.Text(templates.Install.Named(Script, "migrate"), "properties.scriptContent")!;
        Assert.Contains("\nQVJDSElWRQ==\n", script, StringComparison.Ordinal);
        Assert.DoesNotContain("__SQL_ARCHIVE__", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_script_of_sql_has_a_name_the_migration_understands()
    {
        var scripts = Directory.EnumerateFiles(Path.Combine(DeployFolder.Root, "sql")).Select(path => Path.GetFileName(path)!).ToList();
        Assert.NotEmpty(scripts);
        Assert.All(scripts, name => Assert.Matches(@"^\d{4}_\w+(\.(postgres|timescale|timescale-apache|timescale-full))?\.sql$", name));
    }

    private static IEnumerable<string> Variables(JsonObject script) =>
        Snapshot.Array(script, "properties.environmentVariables").Select(variable => (string)variable["name"]!);

    private static IEnumerable<string> AzureRoles(Snapshot snapshot) =>
        snapshot.OfType("Microsoft.Authorization/roleAssignments")
            .Select(a => Snapshot.Text(a, "properties.roleDefinitionId")!.Split('/', '\'')[^1])
            .Order(StringComparer.Ordinal);
}
