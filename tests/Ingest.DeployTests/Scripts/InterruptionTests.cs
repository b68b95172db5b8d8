using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>
/// A deployment goes on in Azure when the program that began it is interrupted: it is cancelled, and over, before anything else ends.
/// </summary>
public sealed class InterruptionTests
{
    private const string Running = "az deployment group list*";

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task An_interrupted_deployment_is_cancelled_and_waited_for(string signal, int exitCode)
    {
        using var run = Deployment.Machine();
        Interrupt(run, "az deployment group create --name ingest-main*", "ingest-main", signal);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal(["ingest-main", "ingest-main-postgres"], Cancelled(result).Distinct());
        Assert.Contains("az deployment group list", result.Calls[^1].Text, StringComparison.Ordinal);
        Assert.False(result.Has("az deployment group create --resource-group"));
    }

    [Fact]
    public async Task Jobs_end_before_their_rights_are_taken_and_Cosmos_is_closed()
    {
        using var run = Deployment.Machine();
        Interrupt(run, "az deployment group create --resource-group * --name ingest-jobs*", "ingest-jobs", "INT");
        run.Answer("az deployment-scripts list*", "ingest-migrate");
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(130, result.ExitCode);
        var texts = result.Calls.Select(call => call.Text).ToList();
        var stopped = texts.FindLastIndex(text => text.StartsWith("az deployment group list", StringComparison.Ordinal));
        Assert.InRange(texts.FindIndex(text => text.StartsWith("az deployment group cancel", StringComparison.Ordinal)), 1, stopped);
        Assert.InRange(
            texts.FindIndex(text => text.StartsWith("az deployment-scripts delete", StringComparison.Ordinal)),
            stopped,
            texts.Count);
        Assert.InRange(
            texts.FindIndex(text => text.StartsWith("az cosmosdb network-rule remove", StringComparison.Ordinal)),
            stopped,
            texts.Count);
        Assert.InRange(texts.FindIndex(text => text.StartsWith("az resource delete", StringComparison.Ordinal)), stopped, texts.Count);
    }

    [Fact]
    public async Task A_verification_that_is_interrupted_leaves_no_job_running()
    {
        using var run = VerifyScriptTests.Machine();
        Interrupt(run, "az deployment group create*", "ingest-jobs", "INT");
        var result = await VerifyScriptTests.VerifyAsync(VerifyScriptTests.Locked(run));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("ingest-jobs", Cancelled(result));
        Assert.True(result.Has("az role assignment delete"));
    }

    [Fact]
    public async Task A_deployment_that_will_not_end_is_named()
    {
        using var run = Deployment.Machine();
        run.Answer(
            "az deployment group create --name ingest-main*", code: 1, sets: "running").Answer(Running, "ingest-main", needs: "running");
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("The deployment ingest-main is still running in Azure", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_deployment_at_once_is_refused()
    {
        using var run = Deployment.Machine();
        run.Answer(Running, "ingest-main\n");
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("A deployment is running in 'my group' already: ingest-main.", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az deployment group c"));
    }

    /// <summary>
    /// The program ends, the deployment and one of its parts run on until they are cancelled, and then for two more looks.
    /// </summary>
    private static void Interrupt(ScriptRun run, string create, string name, string signal) =>
        run.Answer(create, code: 1, signal: signal, sets: "running")
            .Answer("az deployment group cancel*", clears: "running", sets: "ending")
            .Answer(Running, $"{name}\n{name}-postgres", needs: "running")
            .Answer(Running, name, needs: "ending", times: 2);

    private static IEnumerable<string?> Cancelled(ScriptResult result) =>
        result.Calls.Where(
            call => call.Text.StartsWith("az deployment group cancel", StringComparison.Ordinal)).Select(call => call.After("--name"));
}
