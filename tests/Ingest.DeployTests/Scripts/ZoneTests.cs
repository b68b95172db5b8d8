using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>The runbook of the operations guide for the loss of a zone, walked.</summary>
public sealed class ZoneTests
{
    [Fact]
    public async Task The_runbook_attaches_every_subnet_to_the_gateway_of_another_zone()
    {
        using var run = Deployment.Machine();
        var result = await Runbook.WalkAsync(
            Deployment.Again(run), Runbook.Of("Restore")[1], ("NETWORK", "the-network"), ("NAT", "ingest-nat-2"));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["callers", "functions", "jobs"], result.Calls.Select(call => call.After("--name")));
        Assert.All(result.Calls, call =>
        {
            Assert.StartsWith(
                "az network vnet subnet update --resource-group my group --vnet-name the-network", call.Text, StringComparison.Ordinal);
            Assert.Equal("ingest-nat-2", call.After("--nat-gateway"));
        });
    }
}
