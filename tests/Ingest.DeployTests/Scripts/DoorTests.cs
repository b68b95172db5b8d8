using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>What deploy.sh opens, it closes.</summary>
public sealed class DoorTests(FirstDeployment first) : IClassFixture<FirstDeployment>
{
    private const string VaultsRefusal =
        "(Forbidden) Client address is not authorized and caller is not a trusted service.\r\n"
        + "Client address: 203.0.113.50\r\nCaller: appid=1";

    [Fact]
    public void The_scm_site_is_opened_for_the_address_that_it_refused()
    {
        var result = first.Result;
        var add = result.Only("az functionapp config access-restriction add");
        Assert.Equal("203.0.113.50/32", add.After("--ip-address"));
        Assert.Equal("true", add.After("--scm-site"));
        var remove = result.Only("az functionapp config access-restriction remove");
        Assert.Equal(add.After("--rule-name"), remove.After("--rule-name"));
        Assert.Equal("true", remove.After("--scm-site"));
    }

    [Fact]
    public async Task The_scm_site_is_opened_for_the_address_that_was_named()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run), "--deployer-address", "192.0.2.99");
        Assert.Equal("192.0.2.99/32", result.Only("az functionapp config access-restriction add").After("--ip-address"));
    }

    [Fact]
    public async Task An_administrator_needs_no_door_opened()
    {
        using var run = Deployment.Machine();
        run.Answer("curl *", "401").Answer("az keyvault secret list*", VaultsRefusal, code: 3);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az functionapp config access-restriction"));
        Assert.True(result.Has("az functionapp deployment source config-zip"));

        // Storage lets no administrator in; the vault's refusal says from where this machine comes.
        Assert.Equal("203.0.113.50", result.Only("az storage account network-rule add").After("--ip-address"));
    }

    [Fact]
    public void The_rights_of_the_jobs_are_gone_before_the_package_is_uploaded()
    {
        var result = first.Result;
        var texts = result.Calls.Select(call => call.Text).ToList();
        Assert.InRange(
            texts.FindLastIndex(text => text.StartsWith("az role assignment delete", StringComparison.Ordinal)),
            1,
            texts.FindIndex(text => text.StartsWith("az functionapp", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1, null, 1)]
    [InlineData(0, "TERM", 143)]
    [InlineData(0, "INT", 130)]
    public async Task The_rights_of_the_jobs_are_taken_away_however_they_end(int code, string? signal, int exitCode)
    {
        using var run = Deployment.Machine();
        run.Answer("az deployment group create --resource-group * --name ingest-jobs*", code: code, signal: signal);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(exitCode, result.ExitCode);
        Assert.True(result.Has("az cosmosdb network-rule remove"));
        Assert.True(result.Has("az cosmosdb sql role assignment delete"));
        Assert.True(result.Has("az resource delete --ids /servers/the-pg/administrators/the-principal"));
        Assert.Equal(2, result.Count("az role assignment delete"));
        Assert.False(result.Has("az functionapp"));
    }

    [Theory]
    [InlineData(1, null, 1)]
    [InlineData(0, "TERM", 143)]
    [InlineData(0, "INT", 130)]
    public async Task The_scm_site_is_closed_however_the_upload_ends(int code, string? signal, int exitCode)
    {
        using var run = Deployment.Machine();
        run.Answer("az functionapp deployment source config-zip*", code: code, signal: signal);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(exitCode, result.ExitCode);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task A_door_half_opened_is_closed_too()
    {
        using var run = Deployment.Machine();
        run.Answer("az functionapp config access-restriction add*", code: 1);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
        Assert.False(result.Has("az functionapp deployment"));
    }

    [Fact]
    public async Task A_door_found_closed_is_left_alone()
    {
        using var run = Deployment.Machine();
        run.Answer("az functionapp config access-restriction show*")
            .Answer("az storage account network-rule list*")
            .Answer("az cosmosdb network-rule list*")
            .Answer("az cosmosdb sql role assignment list*")
            .Answer("az rest*/administrators?*")
            .Answer("az rest*/roleAssignments?*");
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain(result.Calls, call => call.Arguments.Contains("remove") || call.Arguments.Contains("delete"));
    }

    [Fact]
    public async Task A_door_is_closed_even_when_closing_fails_twice()
    {
        using var run = Deployment.Machine();
        run.Answer("az functionapp config access-restriction remove*", code: 1, times: 2);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3, result.Count("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task A_door_that_will_not_close_is_named_with_the_command_that_closes_it()
    {
        using var run = Deployment.Machine();
        run.Answer("az functionapp config access-restriction remove*", code: 1);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("may still be open for 203.0.113.50/32", result.Error, StringComparison.Ordinal);
        Assert.Contains(
            "az functionapp config access-restriction remove --resource-group 'my group' --name the-app",
            result.Error,
            StringComparison.Ordinal);
        Assert.Equal(3, result.Count("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task Rights_that_will_not_go_are_named_and_the_others_are_taken_all_the_same()
    {
        using var run = Deployment.Machine();
        run.Answer("az cosmosdb sql role assignment delete*", code: 1);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("the-principal still has rights in the resource group 'my group'", result.Error, StringComparison.Ordinal);
        Assert.True(result.Has("az resource delete"));
        Assert.True(result.Has("az role assignment delete"));
        Assert.False(result.Has("az functionapp"));
    }

    [Fact]
    public async Task A_site_that_does_not_answer_is_not_taken_for_open()
    {
        using var silent = Deployment.Machine();
        silent.Answer("curl * --write-out *", "000");
        var result = await Deployment.DeployAsync(Deployment.FirstTime(silent));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("does not answer", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az functionapp"));

        using var restarting = Deployment.Machine();
        restarting.Answer("curl * --write-out *", "000", times: 2).Answer(
            "curl * --write-out *", "403", times: 2).Answer("curl * --write-out *", "000", times: 2);
        result = await Deployment.DeployAsync(Deployment.FirstTime(restarting));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task A_site_that_stays_closed_or_hides_the_address_is_told_apart()
    {
        using var hidden = Deployment.Machine();
        hidden.Answer("curl * --dump-header *", "HTTP/2 403\r\n");
        var result = await Deployment.DeployAsync(Deployment.FirstTime(hidden));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Name it: --deployer-address ADDRESS", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az functionapp config access-restriction add"));

        using var closed = Deployment.Machine();
        closed.Answer("curl * --write-out *", "403");
        result = await Deployment.DeployAsync(Deployment.FirstTime(closed));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("still refuses 203.0.113.50/32 after 30 attempts", result.Error, StringComparison.Ordinal);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
    }
}
