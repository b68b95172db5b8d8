using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

public sealed partial class ConsoleTests
{
    private const string Deploy = "az deployment group create --resource-group my group --name ingest-console";

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Output_and_exit_code_are_the_commands(int code)
    {
        using var run = Machine();
        run.Answer("az container show*", "Running null", times: 1).Answer("az container show*", $"Terminated {code}");
        var result = await ConsoleAsync(Inside(run), "status");
        Assert.True(result.ExitCode == code, result.Error);
        Assert.Equal("the hub is read\nthe hub is read\n", result.Output);
    }

    [Fact]
    public async Task Arguments_arrive_as_they_were_given()
    {
        using var run = Machine();
        var result = await ConsoleAsync(Inside(run), "deadletters", "list", "--reason", "a \"quoted\" \\ reason", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(
            ["deadletters", "list", "--reason", "a \"quoted\" \\ reason", "--json"],
            Parameters(result)["arguments"]!["value"]!.AsArray().Select(a => (string)a!));
        Assert.False((bool)Parameters(result)["asOwner"]!["value"]!);
    }

    [Fact]
    public async Task Every_command_that_the_operations_guide_tells_an_operator_to_run_works_here()
    {
        var commands = Commands();
        Assert.Superset(
            new HashSet<string> { "status", "deadletters", "replay", "migrate", "run" },
            commands.Select(command => command[0]).ToHashSet());
        Assert.Superset(
            new HashSet<string> { "list", "show", "retry", "export", "import", "discard" },
            commands.Where(command => command[0] == "deadletters").Select(command => command[1]).ToHashSet());
        foreach (var command in commands)
        {
            using var run = Machine();
            File.WriteAllText(run.In("mended.jsonl"), "{}");
            var result = await ConsoleAsync(Inside(run), command);
            Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.Error}");
            Assert.Equal(
                command.Select(word => word == "mended.jsonl" ? "/program/import.jsonl" : word),
                Parameters(result)["arguments"]!["value"]!.AsArray().Select(a => (string)a!));
            Assert.Equal(command[0] is "migrate" or "forget", (bool)Parameters(result)["asOwner"]!["value"]!);
        }
    }

    [Theory]
    [InlineData("az storage account network-rule add*", 1, null)]
    [InlineData("az storage file upload-batch*", 1, null)]
    [InlineData("az storage file upload-batch*", 0, "INT")]
    [InlineData(Deploy + "*", 1, null)]
    [InlineData(Deploy + "*", 0, "INT")]
    [InlineData("az container logs*", 0, "TERM")]
    public async Task Container_share_and_open_door_are_gone_however_it_ends(string step, int code, string? signal)
    {
        using var run = Machine();
        run.Answer(step, code: code, signal: signal);
        var result = await ConsoleAsync(Inside(run), "status");
        Assert.NotEqual(0, result.ExitCode);
        Assert.True(result.Has("az storage account network-rule remove"));
        Assert.True(result.Has("az storage share-rm delete"));
        Assert.Equal(result.Has(Deploy), result.Has("az container delete"));
    }

    [Fact]
    public async Task The_storage_account_is_closed_before_the_command_runs_and_the_rest_goes_after_it()
    {
        using var run = Machine();
        var result = await ConsoleAsync(Inside(run), "status");
        result.PlacesInOrder(
            "az storage share-rm create", "az storage account network-rule add", "az storage file upload-batch",
            "az storage account network-rule remove",
            Deploy, "az container logs", "az container delete", "az storage share-rm delete");
        Assert.All(result.Calls, call => Assert.DoesNotMatch("(?i)keys list|connection-string|--account-key", call.Text));
    }

    [Fact]
    public async Task A_file_to_import_goes_along_with_the_program()
    {
        using var run = Machine();
        File.WriteAllText(run.In("mended letters.jsonl"), "{}");
        var result = await ConsoleAsync(Inside(run), "deadletters", "import", "mended letters.jsonl", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(
            ["deadletters", "import", "/program/import.jsonl", "--json"],
            Parameters(result)["arguments"]!["value"]!.AsArray().Select(a => (string)a!));
        Assert.Equal("mended letters.jsonl", result.Only("az storage file upload --").After("--source"));
        result.PlacesInOrder("az storage file upload-batch", "az storage file upload --", "az storage account network-rule remove", Deploy);
    }

    [Theory]
    [InlineData("Name the resource group", "status")]
    [InlineData("Name a command", "--resource-group", "g")]
    [InlineData("'up' is no command for here", "--resource-group", "g", "up")]
    [InlineData("'run' is no command for here", "--resource-group", "g", "run")]
    [InlineData("There is no option --force", "--force", "status")]
    [InlineData("Name the file right after", "--resource-group", "g", "deadletters", "import", "--json")]
    [InlineData("There is no file 'nowhere.jsonl'", "--resource-group", "g", "deadletters", "import", "nowhere.jsonl")]
    public async Task A_wrong_command_line_is_explained_and_nothing_is_called(string message, params string[] arguments)
    {
        using var run = Machine();
        await run.RefusesAsync("console.sh", message, arguments);
    }

    private static ScriptRun Machine() => new("az", "curl", "dotnet", "sleep");

    private static ScriptRun Inside(ScriptRun run) =>
        Deployment.FirstTime(run
            .Answer("az container logs*", "the hub is read\n")
            .Answer("az container show*", "Terminated 0")
            .Answer("az container list*", "/containers/1")
            .Answer("az storage share-rm list*", "there")
            .Answer("az storage account network-rule list*", "203.0.113.50"));

    private static Task<ScriptResult> ConsoleAsync(ScriptRun run, params string[] command) =>
        run.RunAsync("console.sh", ["--resource-group", "my group", .. command]);

    private static JsonNode Parameters(ScriptResult result) => JsonNode.Parse(Assert.Single(result.Only(Deploy).Files))!["parameters"]!;

    /// <summary>
    /// What the guide says in code, but for the worker itself, which runs elsewhere; an ellipsis stands for a value, brackets for what may
    /// be left out.
    /// </summary>
    private static List<string[]> Commands()
    {
        var guide = File.ReadAllText(Path.Combine(DeployFolder.Root, "docs", "operations.md"));
        return
        [
            .. Command().Matches(guide)
                .Select(
                    match => Optional().Replace(match.Groups["command"].Value, "$1").Replace("…", "x", StringComparison.Ordinal).Split(
                        ' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(command => command is not (["run"] or ["run", "--help"] or ["up", ..])),
        ];
    }

    [GeneratedRegex(@"(?:`|^)ingest (?<command>[a-z][^`\n]*)", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex(@"\[([^\]]*)\]")]
    private static partial Regex Optional();
}
