using System.Security.Cryptography;
using System.Text;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>What is deployed is kept, and the package before it is one command away.</summary>
public sealed class RollbackTests
{
    private const string Deploy = "az functionapp deployment source config-zip";
    private const string Note = "az storage share-rm update";

    private static readonly string New = DigestOf(Deployment.Package);
    private static readonly string Old = DigestOf("the app before");

    [Fact]
    public async Task A_package_is_kept_before_it_is_deployed_and_noted_when_it_is()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.True(result.ExitCode == 0, result.Error);
        result.PlacesInOrder(
            "az storage share-rm create",
            "az storage account network-rule add",
            "az storage file upload",
            "az storage account network-rule remove",
            Deploy,
            Note);
        Assert.Equal($"{New}.zip", result.Only("az storage file upload").After("--path"));
        Assert.Equal([$"current={New}"], Metadata(result));
    }

    [Fact]
    public async Task The_one_before_stays_and_older_ones_go()
    {
        using var run = Deployment.Machine();
        Kept(run, $"{Old}|older").Answer("az storage file list*", $"{Old}.zip\nolder.zip\noldest.zip\n{New}.zip\n");
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal("oldest.zip", result.Only("az storage file delete").After("--path"));
        Assert.Equal([$"current={New}", $"previous={Old}"], Metadata(result));
    }

    [Fact]
    public async Task The_same_package_again_is_no_other_version()
    {
        using var run = Deployment.Machine();
        Kept(run, $"{New}|{Old}");
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.True(result.Has(Deploy));
        Assert.False(result.Has("az storage account network-rule add"));
        Assert.False(result.Has(Note));
    }

    [Fact]
    public async Task A_package_that_was_not_taken_is_not_noted()
    {
        using var run = Deployment.Machine();
        Kept(run, $"{Old}|").Answer($"{Deploy}*", code: 1);
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.Equal(1, result.ExitCode);
        Assert.False(result.Has(Note));
    }

    [Fact]
    public async Task The_runbook_deploys_the_one_before_and_a_second_time_the_other_again()
    {
        using var run = Deployment.Machine();
        run.Answer($"{Note}*current={Old}*", sets: "back").Answer($"{Note}*current={New}*", clears: "back")
            .Answer("az storage file download*", Deployment.Package, needs: "back", to: "--dest");
        run.Answer("az storage share-rm exists*", "true").Answer("az storage share-rm show*", $"{Old}|{New}", needs: "back");
        var commands = Runbook.Of("Upgrade").Single();
        var result = await Runbook.WalkAsync(Deployment.Again(Kept(run, $"{New}|{Old}")), commands + commands);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(2, result.Count(Deploy));
        Assert.Equal(
            [[$"current={Old}", $"previous={New}"], [$"current={New}", $"previous={Old}"]],
            result.Calls.Where(call => call.Text.StartsWith(Note, StringComparison.Ordinal)).Select(MetadataOf));
        Assert.Equal(
            [$"{Old}.zip", $"{New}.zip"],
            result.Calls.Where(call => call.Text.StartsWith("az storage file download", StringComparison.Ordinal))
                .Select(call => call.After("--path")));

        // Nothing but the code changes.
        Assert.DoesNotContain(result.Calls, call => call.Text.StartsWith("az deployment group create", StringComparison.Ordinal));
        Assert.False(result.Has("dotnet"));
    }

    [Theory]
    [InlineData("az storage file download*", 1, null)]
    [InlineData("az storage file download*", 0, "INT")]
    [InlineData("az storage account network-rule add*", 1, null)]
    public async Task The_storage_account_is_closed_however_a_rollback_ends(string step, int code, string? signal)
    {
        using var run = Deployment.Machine();
        run.Answer(step, code: code, signal: signal);
        var result = await RollBackAsync(Kept(run, $"{New}|{Old}"));
        Assert.NotEqual(0, result.ExitCode);
        Assert.True(result.Has("az storage account network-rule remove"));
        Assert.False(result.Has(Deploy));
    }

    [Fact]
    public async Task A_package_that_was_changed_since_is_refused()
    {
        using var run = Deployment.Machine();
        run.Answer("az storage file download*", "something else", to: "--dest");
        var result = await RollBackAsync(Kept(run, $"{New}|{Old}"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("was changed since it was deployed", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has(Deploy));
    }

    [Fact]
    public async Task Without_a_package_from_before_it_says_how_to_deploy_any_version()
    {
        using var run = Deployment.Machine();
        var result = await RollBackAsync(Kept(run, $"{New}|"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Check out the version you want", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has(Deploy));
    }

    [Theory]
    [InlineData("--package", "a package.zip")]
    [InlineData("--hub-key", "secondary")]
    [InlineData("--what-if")]
    public async Task A_rollback_takes_no_option_that_would_change_something_else(params string[] options)
    {
        using var run = Deployment.Machine();
        await run.RefusesAsync("deploy.sh", "changes nothing else", ["--resource-group", "my group", "--rollback", .. options]);
    }

    private static Task<ScriptResult> RollBackAsync(ScriptRun run) =>
        Deployment.Again(run).RunAsync("deploy.sh", "--resource-group", "my group", "--rollback");

    /// <summary>A share that notes which package runs, and which ran before it.</summary>
    private static ScriptRun Kept(ScriptRun run, string noted) =>
        run.Answer("az storage share-rm exists*", "true")
            .Answer("az storage share-rm show*", noted)
            .Answer("az storage file download*", "the app before", to: "--dest");

    private static IEnumerable<string> Metadata(ScriptResult result) => MetadataOf(result.Only(Note));

    private static IEnumerable<string> MetadataOf(Call call) =>
        call.Arguments.Where(argument => argument.Contains('=', StringComparison.Ordinal));

    private static string DigestOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
