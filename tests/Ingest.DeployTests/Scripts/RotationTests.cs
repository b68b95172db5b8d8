using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>The runbook of the operations guide for a rotation of keys, walked.</summary>
public sealed class RotationTests
{
    [Fact]
    public async Task The_runbook_renews_every_key_and_none_that_is_in_use()
    {
        using var run = Deployment.Machine();
        var result = await WalkAsync(run, string.Join('\n', Runbook.Of("Rotate")));
        Assert.True(result.ExitCode == 0, result.Error);

        var renewed = new HashSet<string>();
        foreach (var secret in new[] { "hub", "share" })
        {
            var (inVault, inUse) = ("primary", "primary");
            foreach (var call in result.Calls)
            {
                if (Written(call, secret) is { } written)
                {
                    inVault = written;
                }
                else if (call.Text.Contains("/config/configreferences/appsettings/refresh?", StringComparison.Ordinal))
                {
                    inUse = inVault;
                }
                else if (Renewed(call, secret) is { } key)
                {
                    Assert.NotEqual(inUse, key);
                    renewed.Add($"{secret} {key}");
                }
            }
        }

        Assert.Equal(["hub primary", "hub secondary", "share primary", "share secondary"], renewed.Order());
    }

    [Fact]
    public async Task A_later_run_keeps_to_the_key_that_was_named_last()
    {
        using var run = Deployment.Machine();
        var result = await WalkAsync(
            run, Runbook.Of("Rotate")[0] + "\ndeploy/functions/deploy.sh --resource-group \"$GROUP\" --location \"$REGION\"");
        Assert.True(result.ExitCode == 0, result.Error);
        var last = result.Calls.Last(
            call => call.Text.StartsWith("az deployment group create --name ingest-main", StringComparison.Ordinal));
        Assert.Contains("hubKey=secondary", last.Arguments);
        Assert.Contains("contentShareKey=secondary", last.Arguments);
    }

    [Fact]
    public async Task The_app_reads_its_secrets_before_it_is_started_anew()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        result.PlacesInOrder(
            "az deployment group create --name ingest-main", "az rest --method post", "az functionapp deployment source config-zip");
        Assert.Contains(
            "/Microsoft.Web/sites/the-app/config/configreferences/appsettings/refresh?",
            result.Only("az rest --method post").Text,
            StringComparison.Ordinal);
    }

    /// <summary>Azure remembers in tags which keys the vault holds.</summary>
    private static Task<ScriptResult> WalkAsync(ScriptRun run, string commands)
    {
        run.Answer("az deployment group create*hubKey=secondary contentShareKey=secondary*", sets: "secondary")
            .Answer("az resource list*", "Microsoft.Network/virtualNetworks|the-network|westeurope|small||\n"
            + "Microsoft.KeyVault/vaults|the-vault|westeurope|small|secondary|secondary\n", needs: "secondary");
        return Runbook.WalkAsync(Deployment.Again(run), commands, ("HUB", "the-hub"), ("CONTENT", "thecontent"));
    }

    private static string? Written(Call call, string secret)
    {
        var name = secret == "hub" ? "hubKey=" : "contentShareKey=";
        return call.Text.StartsWith("az deployment group create --name ingest-main", StringComparison.Ordinal)
            ? call.Arguments.Single(argument => argument.StartsWith(name, StringComparison.Ordinal))[name.Length..]
            : null;
    }

    private static string? Renewed(Call call, string secret)
    {
        var (command, option) = secret == "hub" ? (
            "az iot hub policy renew-key", "--renew-key") : ("az storage account keys renew", "--key");
        return call.Text.StartsWith(command, StringComparison.Ordinal) ? call.After(option) : null;
    }
}
