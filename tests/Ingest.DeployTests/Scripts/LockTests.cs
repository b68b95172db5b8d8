using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>Locks on what holds data keep the rights inside it too; the scripts take those away and leave the locks.</summary>
public sealed class LockTests
{
    private const string Jobs = "az deployment group create --resource-group * --name ingest-jobs*";

    private static readonly (string Type, string Id, string Kept)[] Locks =
    [
        ("databaseAccounts", "/accounts/databaseAccounts/the-cosmos", "az cosmosdb sql role assignment delete*"),
        ("flexibleServers", "/servers/flexibleServers/the-pg", "az resource delete --ids */administrators/*"),
        ("IotHubs", "/hubs/IotHubs/the-hub", "az role assignment delete*"),
    ];

    [Theory]
    [InlineData(null, 0)]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task The_rights_of_the_jobs_go_and_the_locks_are_back_however_a_deployment_ends(string? signal, int exitCode)
    {
        using var run = Deployment.Machine();
        run.Answer(Jobs, signal: signal);
        var result = await Deployment.DeployAsync(Deployment.Again(Locked(run)));
        Assert.True(result.ExitCode == exitCode, result.Error);
        AllAreLocked(run);
        Assert.DoesNotContain("still has rights", result.Error, StringComparison.Ordinal);
        result.PlacesInOrder(
            "az deployment group create --resource-group my group --name ingest-jobs",
            "az lock delete",
            "az cosmosdb sql role assignment delete",
            "az resource delete",
            "az role assignment delete",
            "az lock create");
    }

    [Fact]
    public async Task A_verification_removes_its_consumer_group_and_the_locks_are_back()
    {
        using var run = VerifyScriptTests.Machine();
        Locked(run).Answer("az iot hub consumer-group delete*", code: 1, needs: "IotHubs");
        var result = await VerifyScriptTests.VerifyAsync(VerifyScriptTests.Locked(run));
        Assert.True(result.ExitCode == 0, result.Error);
        AllAreLocked(run);
    }

    [Fact]
    public async Task Locks_that_were_lifted_in_two_attempts_are_all_back()
    {
        using var run = Deployment.Machine();
        run.Answer("az lock delete*flexibleServers*", code: 1, times: 1);
        var result = await Deployment.DeployAsync(Deployment.Again(Locked(run)));
        Assert.True(result.ExitCode == 0, result.Error);
        AllAreLocked(run);
    }

    [Fact]
    public async Task A_lock_that_will_not_come_back_is_named()
    {
        using var run = Deployment.Machine();
        run.Answer("az lock create*", code: 1);
        var result = await Deployment.DeployAsync(Deployment.Again(Locked(run)));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("/hubs/IotHubs/the-hub may be without its lock", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az functionapp deployment"));
    }

    /// <summary>Azure with locks: a lock that is there is listed, and keeps what is inside.</summary>
    private static ScriptRun Locked(ScriptRun run)
    {
        foreach (var (type, id, kept) in Locks)
        {
            File.WriteAllText(run.In($"flags/{type}"), "");
            run.Answer($"az lock delete --ids {id}/*", clears: type)
                .Answer($"az lock create *--resource {id} *", sets: type)
                .Answer(kept, code: 1, needs: type);
        }

        var listed = Locks.Select(entry => $"{entry.Id}/providers/Microsoft.Authorization/locks/ingest-data\n").ToArray();
        return run.Answer("az rest*/locks?*", string.Concat(listed), needs: "databaseAccounts")
            .Answer("az rest*/locks?*", listed[1] + listed[2], needs: "flexibleServers")
            .Answer("az rest*/locks?*", listed[2], needs: "IotHubs");
    }

    private static void AllAreLocked(ScriptRun run) =>
        Assert.All(Locks, entry => Assert.True(File.Exists(run.In($"flags/{entry.Type}")), $"{entry.Id} has no lock."));
}
