using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>The runbook of the operations guide for a restored database, walked.</summary>
public sealed class RestoreTests
{
    private const string Replay = "az deployment group create --resource-group my group --name ingest-console";

    [Fact]
    public async Task The_runbook_moves_the_installation_to_the_restored_server_and_then_replays()
    {
        using var run = new ScriptRun("az", "curl", "dotnet", "zip", "sleep");
        run.Answer("az deployment group create --name ingest-main*the-restored*", sets: "restored")
            .Answer(
                "az deployment group show*",
                Deployment.Installation.Replace("the-pg", "the-restored", StringComparison.Ordinal) + "itsme",
                needs: "restored")
            .Answer("az container show*", "Terminated 0")
            .Answer("az container list*", "/containers/1")
            .Answer("az storage share-rm list*console*", "there");
        var result = await Runbook.WalkAsync(
            Deployment.Again(run),
            Runbook.Of("Restore")[0],
            ("OLD", "the-pg"),
            ("NEW", "the-restored"),
            ("TIME", "2026-03-04T05:00:00Z"),
            ("BEFORE", "2026-03-04T04:30:00Z"),
            ("SUBNET", "/subnets/database"),
            ("ZONE", "/zones/1"),
            ("GEO", "Disabled"));
        Assert.True(result.ExitCode == 0, result.Error);

        var places = result.PlacesInOrder(
            "az postgres flexible-server restore",
            "az postgres flexible-server show",
            "az deployment group create --name ingest-main",
            "az deployment group create --resource-group my group --name ingest-jobs",
            Replay);
        Assert.Equal("the-restored", result.Calls[places[0]].After("--name"));
        Assert.Equal("the-restored", result.Calls[places[1]].After("--name"));
        Assert.All([places[3], places[4]], place =>
            Assert.Equal(
                "the-restored", (string?)JsonNode.Parse(result.Calls[place].Files.Single())!["parameters"]!["databaseServer"]!["value"]));
        Assert.Contains("2026-03-04T04:30:00Z", result.Calls[places[4]].Files.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_run_keeps_to_the_restored_server()
    {
        using var run = Deployment.Machine();
        run.Answer("az resource list*", "Microsoft.DBforPostgreSQL/flexibleServers|the-pg|westeurope|small|||the-pg\n"
            + "Microsoft.Network/virtualNetworks|the-network|westeurope|small|||the-restored\n");
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains(
            result.Only("az deployment group create --name ingest-main").Arguments,
            argument => argument.StartsWith("found={\"databaseServer\":\"the-restored\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_without_an_installation_is_refused()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run), "--database-server", "the-restored");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("There is no installation in 'my group'", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az deployment group create"));
    }
}
