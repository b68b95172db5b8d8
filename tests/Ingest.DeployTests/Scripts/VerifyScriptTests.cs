using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>One verification of an installation that keeps its promises, for the tests that only read what it did.</summary>
public sealed class GoodVerification : IAsyncLifetime
{
    private readonly ScriptRun run = VerifyScriptTests.Machine();

    internal ScriptResult Result { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Result = await VerifyScriptTests.VerifyAsync(VerifyScriptTests.Locked(run));

    public ValueTask DisposeAsync()
    {
        run.Dispose();
        return ValueTask.CompletedTask;
    }
}

public sealed class VerifyScriptTests(GoodVerification good) : IClassFixture<GoodVerification>
{
    private const string Key = "the-function-key";

    private const string HubKey = "aGVsbG8=";

    private const string Answers =
        "Enable succeeded:\n[stdout]\napp=200\ncosmos=401\nscm=answers\ndatabase=closed\nlookup=hello itsme\n\n[stderr]\n";

    [Fact]
    public void An_installation_that_keeps_its_promises_passes_with_a_table_of_them()
    {
        Assert.Equal(0, good.Result.ExitCode);
        string[][] expected =
        [
            ["asked", "expected", "got", "verdict"],
            ["app, from outside", "403", "403", "ok"],
            ["scm site, from outside", "403", "403", "ok"],
            ["Cosmos DB, from outside", "40[13]", "403", "ok"],
            ["storage of checkpoints, from outside", "AuthorizationFailure", "AuthorizationFailure", "ok"],
            ["storage of the content share, from outside", "AuthorizationFailure", "AuthorizationFailure", "ok"],
            ["Key Vault, from outside", "ForbiddenByFirewall", "ForbiddenByFirewall", "ok"],
            ["IoT hub (locked), with a right key, from outside", "401", "401", "ok"],
            ["app, from the callers' subnet", "200", "200", "ok"],
            ["scm site, from the callers' subnet", "answers", "answers", "ok"],
            ["lookup of itsme, from the callers' subnet", "hello itsme", "hello itsme", "ok"],
            ["Cosmos DB, from the callers' subnet", "40[13]", "401", "ok"],
            ["database, from the callers' subnet", "closed", "closed", "ok"],
            ["rows within 30 s of one message", "1", "1", "ok"],
            ["rows after a second message and a replay", "2", "2", "ok"],
            ["rights left to the jobs' identity", "none", "none", "ok"],
        ];
        var rows = good.Result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.Equal(expected, rows);
        Assert.Contains("All of it agrees.", good.Result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void It_asks_from_outside_from_inside_and_as_a_device_and_clears_up_after_each()
    {
        string[] expected =
        [
            "az account show", "az deployment group show", "curl", "curl", "curl", "curl", "curl",
            "az keyvault secret list", "az iot hub policy show", "python3 -", "curl", "ssh-keygen", "az network nsg rule create",
            "az vm create", "az functionapp keys list", "az vm run-command invoke", "az vm list", "az vm delete",
            "az network nsg rule list", "az network nsg rule delete",
            "az deployment group create", "az iot hub consumer-group create", "az functionapp config appsettings set",
            "az deployment group create",
            "az functionapp config appsettings set", "az functionapp config appsettings delete", "az rest",
            "az iot hub consumer-group list",
            "az iot hub consumer-group delete",
            "az deployment group list", "az deployment-scripts list",
            "az cosmosdb network-rule list", "az rest", "az cosmosdb sql role assignment list", "az resource show", "az rest",
            "az resource delete", "az rest", "az role assignment delete", "az rest",
        ];
        var calls = good.Result.Calls;
        Assert.Equal(expected.Length, calls.Count);
        Assert.All(expected.Zip(calls), pair => Assert.StartsWith(pair.First, pair.Second.Text, StringComparison.Ordinal));
    }

    [Fact]
    public void The_replay_reads_the_last_minutes_in_a_group_of_its_own_and_leaves_no_setting_behind()
    {
        var group = good.Result.Only("az iot hub consumer-group create").After("--name");
        Assert.Equal(group, good.Result.Only("az iot hub consumer-group delete").After("--name"));
        Assert.Equal([$"HubConsumerGroup={group}", "HubConsumerGroup=live"], Settings(good.Result));

        var set = good.Result.Calls.First(call => call.Text.StartsWith("az functionapp config appsettings set", StringComparison.Ordinal));
        var offsets = set.Arguments.Where(
            argument => argument.Contains("initialOffsetOptions", StringComparison.Ordinal)).Select(a => a.Split('=')).ToList();
        Assert.Equal("fromEnqueuedTime", offsets[0][1]);
        var age = TimeProvider.System.GetUtcNow() - DateTimeOffset.ParseExact(
            offsets[1][1], "yyyy-MM-dd'T'HH:mm:ss'Z'", null, System.Globalization.DateTimeStyles.AssumeUniversal);
        Assert.InRange(age, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(20));
        var deleted = good.Result.Only("az functionapp config appsettings delete").Arguments;
        Assert.All(offsets, offset => Assert.Contains(offset[0], deleted));
    }

    [Fact]
    public void The_function_key_is_on_no_command_line()
    {
        Assert.All(good.Result.Calls, call => Assert.DoesNotContain(Key, call.Text, StringComparison.Ordinal));
        Assert.All(good.Result.Calls, call => Assert.DoesNotContain(HubKey, call.Text, StringComparison.Ordinal));
        Assert.Contains(
            $"x-functions-key: {Key}", Assert.Single(good.Result.Only("az vm run-command invoke").Files), StringComparison.Ordinal);
    }

    [Fact]
    public void The_throw_away_machine_has_no_public_address_and_goes_with_all_its_parts()
    {
        var create = good.Result.Only("az vm create");
        Assert.Equal("", create.After("--public-ip-address"));
        Assert.Equal("/net/subnets/callers", create.After("--subnet"));
        Assert.Equal("Delete", create.After("--os-disk-delete-option"));
        Assert.Equal("Delete", create.After("--nic-delete-option"));
        Assert.Equal(create.After("--name"), good.Result.Only("az vm delete").After("--name"));
    }

    [Fact]
    public void Both_messages_come_from_one_device_and_the_second_finds_two_rows()
    {
        var jobs = good.Result.Calls.Where(call => call.Text.StartsWith("az deployment group create", StringComparison.Ordinal))
            .Select(call => JsonNode.Parse(Assert.Single(call.Files))!["parameters"]!)
            .ToList();
        Assert.All(jobs, job => Assert.Equal("verify", (string?)job["task"]!["value"]));
        var device = Assert.Single(jobs.Select(job => (string?)job["verifyDevice"]!["value"]).Distinct());
        Assert.Matches(@"^ingest-verify-\d{14}$", device);
        Assert.Equal([1, 2], jobs.Select(job => (int)job["verifyRows"]!["value"]!));
        Assert.Equal(30, (int)jobs[0]["verifySeconds"]!["value"]!);
    }

    [Theory]
    [InlineData("curl *https://the-app.example/api/live", "200", "app, from outside")]
    [InlineData("curl *https://the-app.scm.example/", "401", "scm site, from outside")]
    [InlineData("curl *https://the-cosmos.example*", "200", "Cosmos DB, from outside")]
    [InlineData("curl *https://the-cosmos.example*", "000", "Cosmos DB, from outside")]
    [InlineData(
        "curl *https://state.example/*",
        "HTTP/1.1 409\r\nx-ms-error-code: PublicAccessNotPermitted\r\n",
        "storage of checkpoints, from outside")]
    [InlineData("curl *https://content.example/*", "", "storage of the content share, from outside")]
    [InlineData("az keyvault secret list*", "event-hub", "Key Vault, from outside")]
    [InlineData("curl *https://the-hub.example/*", "204", "IoT hub (locked), with a right key, from outside")]
    [InlineData(
        "az vm run-command*",
        "[stdout]\napp=200\ncosmos=403\nscm=refused\ndatabase=closed\nlookup=hello itsme\n",
        "scm site, from the callers' subnet")]
    [InlineData(
        "az vm run-command*",
        "[stdout]\napp=200\ncosmos=403\nscm=answers\ndatabase=unresolved\nlookup=hello itsme\n",
        "database, from the callers' subnet")]
    [InlineData(
        "az vm run-command*", "[stdout]\napp=403\ncosmos=403\ndatabase=closed\nlookup=hello itsme\n", "app, from the callers' subnet")]
    [InlineData(
        "az vm run-command*",
        "[stdout]\napp=200\ncosmos=200\ndatabase=closed\nlookup=hello itsme\n",
        "Cosmos DB, from the callers' subnet")]
    [InlineData(
        "az vm run-command*", "[stdout]\napp=200\ncosmos=403\ndatabase=open\nlookup=hello itsme\n", "database, from the callers' subnet")]
    [InlineData(
        "az vm run-command*", "[stdout]\napp=200\ncosmos=403\ndatabase=closed\nlookup=\n", "lookup of itsme, from the callers' subnet")]
    [InlineData("az deployment group create*", "0 31", "rows within 30 s of one message")]
    public async Task A_broken_promise_is_a_wrong_row_and_exit_code_1(string pattern, string answer, string row)
    {
        using var run = Machine();
        run.Answer(pattern, answer);
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(
            result.Output.Split('\n'),
            line => line.StartsWith(row, StringComparison.Ordinal) && line.EndsWith("WRONG", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_replay_that_adds_a_row_is_wrong()
    {
        using var run = Machine();
        run.Answer("az deployment group create*", "1 4", times: 1).Answer("az deployment group create*", "3 90");
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"replay +2 +3 +WRONG", result.Output);
    }

    [Fact]
    public async Task Rights_that_stay_are_wrong()
    {
        using var run = Machine();
        run.Answer("az rest*roleDefinitionId*", "Owner");
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"identity +none +Owner +WRONG", result.Output);
    }

    [Theory]
    [InlineData("az vm create*", null, "The throw-away machine was not made")]
    [InlineData("az functionapp keys list*", null, "is the app running?")]
    [InlineData("az vm run-command*", null, "did not run the questions")]
    [InlineData("az vm create*", "INT", "")]
    public async Task The_throw_away_machine_goes_however_the_questions_end(string step, string? signal, string message)
    {
        using var run = Machine();
        run.Answer(step, code: 1, signal: signal);
        var result = await VerifyAsync(Locked(run));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.True(result.Has("az vm delete"));
        Assert.True(result.Has("az network nsg rule delete"));
    }

    [Fact]
    public async Task An_open_hub_is_asked_for_what_an_open_hub_does()
    {
        using var run = Machine();
        run.Answer("az deployment group show*", Deployment.Installation.Replace("|true|", "|false|", StringComparison.Ordinal) + "itsme")
            .Answer("curl *https://the-hub.example/*", "204");
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(0, result.ExitCode);
        Assert.Matches("not locked.*204 +204 +ok", result.Output);
    }

    [Theory]
    [InlineData("az deployment group create*")]
    [InlineData("az functionapp config appsettings set*=ingest-verify-*")]
    public async Task The_app_reads_its_own_group_again_and_the_rights_go_however_the_replay_ends(string step)
    {
        using var run = Machine();
        run.Answer("az deployment group create*", "1 4", times: 1).Answer(step, code: 1);
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Equal("HubConsumerGroup=live", Settings(result)[^1]);
        Assert.True(result.Has("az functionapp config appsettings delete"));
        Assert.True(result.Has("az iot hub consumer-group delete"));
        Assert.True(result.Has("az resource delete"));
        Assert.True(result.Has("az role assignment delete"));
    }

    [Fact]
    public async Task An_app_that_cannot_be_set_back_is_named_with_what_to_set()
    {
        using var run = Machine();
        run.Answer("az functionapp config appsettings set*=live*", code: 1);
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Set its app setting HubConsumerGroup to live,", result.Error, StringComparison.Ordinal);
        Assert.True(result.Has("az role assignment delete"));
    }

    [Theory]
    [InlineData("az", "Install the Azure CLI")]
    [InlineData("curl", "Install curl")]
    [InlineData("python3", "Install Python 3")]
    [InlineData("ssh-keygen", "Install OpenSSH")]
    public async Task A_missing_tool_is_named_with_where_to_get_it(string tool, string remedy)
    {
        using var run = Machine();
        var result = await VerifyAsync(Locked(run).Without(tool));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"{tool} is not installed. {remedy}", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_installation_it_says_so()
    {
        using var run = Machine();
        run.Answer("az deployment group show*", code: 1);
        var result = await VerifyAsync(Locked(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(
            "There is no installation in the resource group 'my group'. Run deploy.sh first.", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Name the resource group")]
    [InlineData("There is no option --now", "--now")]
    public async Task A_wrong_command_line_is_explained_and_nothing_is_called(string message, params string[] arguments)
    {
        using var run = Machine();
        await run.RefusesAsync("verify.sh", message, arguments);
    }

    internal static ScriptRun Machine() => new("az", "curl", "python3", "ssh-keygen", "sleep");

    /// <summary>What an installation that keeps its promises answers, where the test said nothing else before.</summary>
    internal static ScriptRun Locked(ScriptRun run) =>
        run.Answer("az account show*", "sub-1|Trial")
            .Answer("az deployment group show*", Deployment.Installation + "itsme")
            .Answer("curl *https://state.example/*", "HTTP/1.1 403\r\nx-ms-error-code: AuthorizationFailure\r\n")
            .Answer("curl *https://content.example/*", "HTTP/1.1 403\r\nx-ms-error-code: AuthorizationFailure\r\n")
            .Answer("curl *https://the-hub.example/*", "401")
            .Answer("curl *", "403")
            .Answer("az keyvault secret list*", "(Forbidden) ... \"code\": \"ForbiddenByFirewall\"", code: 1)
            .Answer("az iot hub policy show*", HubKey)
            .Answer("az network nsg rule list*", "/rules/1")
            .Answer("az functionapp keys list*", Key)
            .Answer("az vm run-command*", Answers)
            .Answer("az vm list*", "/vms/1")
            .Answer("az iot hub consumer-group list*", "there")
            .Answer("az deployment group create*", "1 4", times: 1)
            .Answer("az deployment group create*", "2 95")
            .Answer("az resource show*", "/servers/the-pg")
            .Answer("az rest*/administrators?*", "/servers/the-pg/administrators/the-principal")
            .Answer("az rest*.id*/roleAssignments?*", "/roles/1");

    internal static Task<ScriptResult> VerifyAsync(ScriptRun run) => run.RunAsync("verify.sh", "--resource-group", "my group");

    private static List<string?> Settings(ScriptResult result) =>
        [
            .. result.Calls.Where(call => call.Text.StartsWith("az functionapp config appsettings set", StringComparison.Ordinal)).Select(
                call => call.After("--settings")),
        ];
}
