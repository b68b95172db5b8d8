using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>The rights that deploy.sh needs are asked for before it makes anything.</summary>
public sealed class PermissionTests
{
    private const string InGroup = "az rest*/resourceGroups/my group/providers/Microsoft.Authorization/permissions*";
    private const string InSubscription = "az rest*/subscriptions/sub-1/providers/Microsoft.Authorization/permissions*";
    private const string Contributor =
        "*|Microsoft.Authorization/*/Delete,Microsoft.Authorization/*/Write,Microsoft.Authorization/elevateAccess/Action\n";

    [Theory]
    [InlineData(Contributor, "Microsoft.Authorization/roleAssignments/write Microsoft.Authorization/roleAssignments/delete")]
    [InlineData("*/read|\n", "Microsoft.Web/sites/write")]
    [InlineData("", "Microsoft.Resources/deployments/write")]
    [InlineData("|\n", "Microsoft.Resources/deployments/write")]
    public async Task What_lacks_in_the_group_is_named_and_nothing_is_made(string permissions, string missing)
    {
        using var run = Deployment.Machine();
        run.Answer(InGroup, permissions);
        await RefusedAsync(Deployment.Again(run), missing, "Role Based Access Control Administrator");
    }

    [Theory]
    [InlineData("*|\n")]
    [InlineData(Contributor + "Microsoft.Authorization/roleAssignments/write,MICROSOFT.AUTHORIZATION/roleassignments/delete,*/read|\n")]
    public async Task Owners_and_contributors_who_may_assign_roles_are_let_through(string permissions)
    {
        using var run = Deployment.Machine();
        run.Answer(InGroup, permissions).Answer(InSubscription, "");
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.True(result.ExitCode == 0, result.Error);
    }

    [Fact]
    public async Task Locks_are_asked_for_where_the_size_has_some()
    {
        using var run = Deployment.Machine();
        run.Answer(InGroup, Contributor + "Microsoft.Authorization/roleAssignments/*|\n");
        await RefusedAsync(
            Deployment.Again(run, "production"),
            ["--device-address", "198.51.100.0/24"],
            "Microsoft.Authorization/locks/write Microsoft.Authorization/locks/delete",
            "User Access Administrator");
    }

    [Fact]
    public async Task Who_may_not_make_groups_or_register_providers_learns_how_to_do_without()
    {
        using var run = Deployment.Machine();
        run.Answer(InSubscription, "*/read|\n");
        var result = await RefusedAsync(Deployment.FirstTime(run), "Microsoft.Web/register/action", "az provider register --namespace");
        Assert.Contains("az group create --name 'my group' --location westeurope", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rights_in_the_subscription_are_not_asked_for_where_the_group_and_the_providers_are_there()
    {
        using var run = Deployment.Machine();
        run.Answer(InSubscription, code: 1);
        var result = await Deployment.DeployAsync(Deployment.Again(run));
        Assert.True(result.ExitCode == 0, result.Error);
    }

    [Fact]
    public async Task Roles_are_listed_in_the_group_and_not_in_the_subscription()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az role assignment list"));
        Assert.Contains(
            result.Calls,
            call => call.Text.Contains(
                "/resourceGroups/my group/providers/Microsoft.Authorization/roleAssignments?", StringComparison.Ordinal));
    }

    private static Task<ScriptResult> RefusedAsync(ScriptRun run, params string[] messages) => RefusedAsync(run, [], messages);

    private static async Task<ScriptResult> RefusedAsync(ScriptRun run, string[] arguments, params string[] messages)
    {
        var result = await Deployment.DeployAsync(run, arguments);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("You lack rights, and nothing was changed:", result.Error, StringComparison.Ordinal);
        Assert.All(messages, message => Assert.Contains(message, result.Error, StringComparison.Ordinal));
        string[] changes = ["az provider register", "az group create", "az deployment group create"];
        Assert.DoesNotContain(result.Calls, call => changes.Any(change => call.Text.StartsWith(change, StringComparison.Ordinal)));
        return result;
    }
}
