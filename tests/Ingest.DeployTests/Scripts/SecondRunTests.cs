using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>Running deploy.sh upon an installation changes nothing that it should not.</summary>
public sealed class SecondRunTests
{
    [Fact]
    public async Task What_the_database_grew_to_and_an_operator_added_is_handed_on()
    {
        using var run = Deployment.Machine();
        run.Answer("az postgres flexible-server show*", "256\n")
            .Answer("az postgres flexible-server parameter show*azure.extensions*", "timescaledb,postgis\n")
            .Answer("az postgres flexible-server parameter show*--query value*", "pg_cron,pgaudit,timescaledb\n")
            .Answer("az storage share-rm list*", "200\n")
            .Answer(
                "az network vnet subnet list*",
                "callers|\nfunctions|/routes/firewall|/gateways/ingest-nat-2\ndatabase|\njobs|/routes/other\n");
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.True(result.ExitCode == 0, result.Error);
        var found = JsonNode.Parse(Found(result)!)!;
        Assert.Equal(256, (int)found["databaseGigabytes"]!);
        Assert.Equal("timescaledb,postgis", (string?)found["databaseExtensions"]);
        Assert.Equal("pg_cron,pgaudit,timescaledb", (string?)found["databaseLibraries"]);
        Assert.Equal(200, (int)found["contentShareGigabytes"]!);
        Assert.Equal("ingest-nat-2", (string?)found["natGateway"]);
        Assert.Equal("""{"functions":"/routes/firewall","jobs":"/routes/other"}""", found["routeTables"]!.ToJsonString());
    }

    [Fact]
    public async Task Whom_alarms_go_to_is_kept_unless_somebody_is_named()
    {
        using var run = Deployment.Machine();
        run.Answer("az resource list*", "Microsoft.Insights/actionGroups|the-people|global|small||\n").Answer(
            "az monitor action-group show*", "a@example.com\nb@example.com\n");
        var kept = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.Contains(
            """alarmAddresses=["a@example.com","b@example.com"]""", kept.Only("az deployment group create --name ingest-main").Arguments);

        using var other = Deployment.Machine();
        var named = await Deployment.DeployAsync(Deployment.Again(other), "--alarm-address", "c@example.com");
        Assert.Contains("""alarmAddresses=["c@example.com"]""", named.Only("az deployment group create --name ingest-main").Arguments);
    }

    [Theory]
    [InlineData("az postgres flexible-server show*")]
    [InlineData("az postgres flexible-server parameter show*")]
    [InlineData("az storage share-rm list*")]
    [InlineData("az network vnet subnet list*")]
    public async Task What_cannot_be_read_is_not_overwritten(string question)
    {
        using var run = Deployment.Machine();
        run.Answer(question, code: 1);
        await NothingIsMadeAsync(run, "could not be read");
    }

    [Fact]
    public async Task A_subnet_of_somebody_elses_is_named_and_not_removed()
    {
        using var run = Deployment.Machine();
        run.Answer("az network vnet subnet list*", "callers|\nbastion|\n");
        await NothingIsMadeAsync(run, "has a subnet 'bastion'");
    }

    [Fact]
    public async Task The_size_stays_what_it_is_where_none_is_named()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.Again(run, "production"), "--device-address", "198.51.100.0/24");
        Assert.True(result.ExitCode == 0, result.Error);
        var main = result.Only("az deployment group create --name ingest-main").Arguments;
        Assert.Contains(run.In("repo/deploy/functions/production.bicepparam"), main);
        Assert.Contains("size=production", main);
    }

    [Theory]
    [InlineData("production", "has the size production", "--size", "small")]
    [InlineData("production", "Name where your devices come from")]
    [InlineData("own", "parameters file of your own")]
    [InlineData("own", "has the size own", "--size", "small")]
    public async Task Another_size_has_to_be_asked_for(string recorded, string message, params string[] arguments)
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.Again(run, recorded), arguments);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az deployment group create"));
    }

    [Fact]
    public async Task A_resize_shows_what_changes_before_anything_is_made()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.Again(run, "production"), "--size", "small", "--resize");
        Assert.True(result.ExitCode == 0, result.Error);
        result.PlacesInOrder("az deployment group what-if --name ingest-main", "az deployment group create");
        Assert.Contains("size=small", result.Only("az deployment group create --name ingest-main").Arguments);
    }

    [Fact]
    public async Task What_Azure_cannot_change_is_refused_before_anything_is_made()
    {
        using var run = Deployment.Machine();
        run.Answer("az deployment group what-if*--no-pretty-print*", "partitions of the IoT hub: 4 to 32\n");
        var result = await NothingIsMadeAsync(
            run,
            "partitions of the IoT hub: 4 to 32",
            "--size",
            "production",
            "--resize",
            "--device-address",
            "198.51.100.0/24");
        var query = result.Calls.Single(call => call.Text.Contains("--no-pretty-print", StringComparison.Ordinal)).After("--query")!;
        Assert.Contains("events.partitionCount", query, StringComparison.Ordinal);
        Assert.Contains("sku.name", query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_region_is_refused()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.Again(run).RunAsync("deploy.sh", "--resource-group", "my group", "--location", "northeurope");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("--location westeurope", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az deployment group create"));
    }

    private static async Task<ScriptResult> NothingIsMadeAsync(ScriptRun run, string message, params string[] arguments)
    {
        var result = await Deployment.DeployAsync(Deployment.Again(run), arguments);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az deployment group create"));
        return result;
    }

    private static string? Found(ScriptResult result) =>
        result.Only("az deployment group create --name ingest-main").Arguments
            .Where(argument => argument.StartsWith("found=", StringComparison.Ordinal))
            .Select(argument => argument["found=".Length..])
            .SingleOrDefault();
}
