using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

public sealed class DeployScriptTests(FirstDeployment first) : IClassFixture<FirstDeployment>
{
    [Fact]
    public void It_does_everything_in_order()
    {
        var result = first.Result;
        Assert.Equal(0, result.ExitCode);
        string[] expected =
        [
            "az account show",
            "az group exists",
            "az provider list",
            "az rest --method get --url /subscriptions/sub-1/providers/Microsoft.Authorization/permissions",
            "az rest --method get --url /subscriptions/sub-1/providers/Microsoft.Authorization/permissions",
            "az rest --method get --url /subscriptions/sub-1/providers/Microsoft.Authorization/permissions",
            "az provider register --namespace Microsoft.Web",
            "az group create",
            "az keyvault list-deleted",
            "az cosmosdb restorable-database-account list",
            "dotnet publish",
            "zip -qX",
            "az deployment group create --name ingest-main",
            "az deployment group show",
            "az postgres flexible-server parameter show",
            "az postgres flexible-server restart",
            "az cosmosdb network-rule add",
            "az deployment group create --resource-group my group --name ingest-jobs",
            "az deployment group list",
            "az deployment-scripts list",
            "az cosmosdb network-rule list",
            "az cosmosdb network-rule remove",
            "az rest --method get",
            "az cosmosdb sql role assignment list",
            "az cosmosdb sql role assignment delete",
            "az resource show",
            "az rest --method get",
            "az resource delete",
            "az rest --method get",
            "az role assignment delete --ids /roles/1",
            "az role assignment delete --ids /roles/2",
            "az rest --method post",
            "az storage share-rm exists",
            "az storage share-rm exists",
            "az storage share-rm create",
            "curl --silent",
            "az storage account network-rule add",
            "az storage file upload",
            "az storage file list",
            "az storage account network-rule list",
            "az storage account network-rule remove",
            "curl --silent",
            "az functionapp config access-restriction add",
            "curl --silent",
            "az functionapp deployment source config-zip",
            "az functionapp config access-restriction show",
            "az functionapp config access-restriction remove",
            "az storage share-rm update",
        ];
        Assert.Equal(expected.Length, result.Calls.Count);
        Assert.All(expected.Zip(result.Calls), pair => Assert.StartsWith(pair.First, pair.Second.Text, StringComparison.Ordinal));
        Assert.Contains("verify.sh --resource-group 'my group'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_says_where_what_and_for_how_much_before_it_makes_anything()
    {
        using var run = Deployment.Machine();
        run.Answer("az provider list*", code: 1);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("Subscription:   Trial", result.Error, StringComparison.Ordinal);
        Assert.Contains("Resource group: my group", result.Error, StringComparison.Ordinal);
        Assert.Contains("Region:         westeurope", result.Error, StringComparison.Ordinal);
        Assert.Matches(@"A month costs about \d+ USD", result.Error);
        Assert.False(result.Has("az group create"));
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    public async Task What_if_changes_nothing(string exists, bool asks)
    {
        using var run = Deployment.Machine();
        run.Answer("az group exists*", exists);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run).Without("dotnet").Without("zip"), "--what-if");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Nothing was changed.", result.Error, StringComparison.Ordinal);
        Assert.Equal(asks, result.Has("az deployment group what-if --name ingest-main --resource-group my group"));
        string[] harmless = ["az account show", "az group exists", "az resource list", "az deployment group what-if"];
        Assert.All(result.Calls, call => Assert.Contains(harmless, start => call.Text.StartsWith(start, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_second_run_makes_no_group_registers_nothing_and_restarts_nothing()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az group create"));
        Assert.False(result.Has("az provider register"));
        Assert.False(result.Has("az postgres flexible-server restart"));
        Assert.True(result.Has("az deployment group create --name ingest-main"));
    }

    [Fact]
    public void It_never_reads_a_key_or_a_token()
    {
        var result = first.Result;
        Assert.Equal(0, result.ExitCode);
        Assert.All(
            result.Calls,
            call => Assert.DoesNotMatch("(?i)keys|get-access-token|connection-string|password|secret|appsettings list", call.Text));
    }

    [Fact]
    public async Task The_migration_travels_as_an_archive_of_sql()
    {
        var result = first.Result;
        var parameters = JsonNode.Parse(Assert.Single(result.Only("az deployment group create --resource-group").Files))!["parameters"]!;
        Assert.Equal("install", (string?)parameters["task"]!["value"]);
        Assert.Equal("ingest", (string?)parameters["name"]!["value"]);
        Assert.Equal("westeurope", (string?)parameters["location"]!["value"]);
        Assert.Equal("the-principal", (string?)parameters["jobsPrincipalId"]!["value"]);
        Assert.Equal("itsme", (string?)parameters["seedDevice"]!["value"]);

        using var bytes = new MemoryStream(Convert.FromBase64String((string)parameters["migration"]!["value"]!));
        await using var gzip = new GZipStream(bytes, CompressionMode.Decompress);
        await using var tar = new TarReader(gzip);
        var names = new List<string>();
        while (await tar.GetNextEntryAsync(cancellationToken: TestContext.Current.CancellationToken) is { } entry)
        {
            names.Add(Path.GetFileName(entry.Name));
        }

        Assert.Equal(
            ["0001_first.sql", "0002_second.timescale.sql"],
            names.Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task A_deleted_vault_is_recovered_and_a_deleted_account_named_before_anything_is_made()
    {
        using var run = Deployment.Machine();
        run.Answer("az keyvault list-deleted*", "the-vault|westeurope\n").Answer(
            "az cosmosdb restorable-database-account list*", "old-cosmos-1 deleted 2026-01-01\n");
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        result.PlacesInOrder("az keyvault recover --name the-vault --location westeurope", "az deployment group create");
        Assert.Contains("old-cosmos-1 deleted 2026-01-01", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_device_to_seed_Cosmos_stays_closed()
    {
        using var run = Deployment.Machine();
        run.Answer("az deployment group show*", Deployment.Installation);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az cosmosdb network-rule add"));
    }

    [Fact]
    public void It_leaves_no_file_behind() => Assert.Empty(first.FilesLeft);
}
