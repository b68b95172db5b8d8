using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>One deployment into nothing, for the tests that only read what it did.</summary>
public sealed class FirstDeployment : IAsyncLifetime
{
    private readonly ScriptRun run = DeployScriptTests.Machine();

    internal ScriptResult Result { get; private set; } = null!;

    internal IEnumerable<string> FilesLeft => Directory.EnumerateFileSystemEntries(run.In("tmp"));

    public async ValueTask InitializeAsync() => Result = await DeployScriptTests.DeployAsync(DeployScriptTests.FirstTime(run));

    public ValueTask DisposeAsync()
    {
        run.Dispose();
        return ValueTask.CompletedTask;
    }
}

public sealed class DeployScriptTests(FirstDeployment first) : IClassFixture<FirstDeployment>
{
    internal const string Installation =
        "ingest|westeurope|the-app|the-app.example|the-app.scm.example|the-hub|the-cosmos|https://the-cosmos.example:443/|the-pg|the-principal|/net/subnets/callers|/net/subnets/jobs|198.51.100.9|";

    private static readonly string[] Providers =
    [
        "Microsoft.ContainerInstance", "Microsoft.DBforPostgreSQL", "Microsoft.Devices", "Microsoft.DocumentDB", "microsoft.insights", "Microsoft.KeyVault",
        "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.OperationalInsights", "Microsoft.Storage", "Microsoft.Web",
    ];

    [Fact]
    public void It_does_everything_in_order()
    {
        var result = first.Result;
        Assert.Equal(0, result.ExitCode);
        string[] expected =
        [
            "az account show",
            "az group exists",
            "az provider list",
            "az provider register --namespace Microsoft.Web",
            "az group create",
            "dotnet publish",
            "zip -qr",
            "az deployment group create --name ingest-main",
            "az deployment group show",
            "az postgres flexible-server parameter show",
            "az postgres flexible-server restart",
            "az cosmosdb network-rule add",
            "az deployment group create --resource-group my group --name ingest-jobs",
            "az cosmosdb network-rule list",
            "az cosmosdb network-rule remove",
            "az cosmosdb sql role assignment list",
            "az cosmosdb sql role assignment delete",
            "az resource show",
            "az rest --method get",
            "az resource delete",
            "az role assignment list",
            "az role assignment delete --ids /roles/1",
            "az role assignment delete --ids /roles/2",
            "curl --silent",
            "curl --silent",
            "az functionapp config access-restriction add",
            "curl --silent",
            "az functionapp deployment source config-zip",
            "az functionapp config access-restriction show",
            "az functionapp config access-restriction remove",
        ];
        Assert.Equal(expected.Length, result.Calls.Count);
        Assert.All(expected.Zip(result.Calls), pair => Assert.StartsWith(pair.First, pair.Second.Text, StringComparison.Ordinal));
        Assert.Contains("verify.sh --resource-group 'my group'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_says_where_what_and_for_how_much_before_it_makes_anything()
    {
        using var run = Machine();
        run.Answer("az provider list*", code: 1);
        var result = await DeployAsync(FirstTime(run));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("Subscription:   Trial", result.Error, StringComparison.Ordinal);
        Assert.Contains("Resource group: my group", result.Error, StringComparison.Ordinal);
        Assert.Contains("Region:         westeurope", result.Error, StringComparison.Ordinal);
        Assert.Matches(@"A month costs about \d+ USD", result.Error);
        Assert.False(result.Has("az group create"));
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    public async Task What_if_changes_nothing(string exists, bool asks)
    {
        using var run = Machine();
        run.Answer("az group exists*", exists);
        var result = await DeployAsync(FirstTime(run).Without("dotnet").Without("zip"), "--what-if");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Nothing was changed.", result.Error, StringComparison.Ordinal);
        Assert.Equal(asks, result.Has("az deployment group what-if --name ingest-main --resource-group my group"));
        string[] harmless = ["az account show", "az group exists", "az deployment group what-if"];
        Assert.All(result.Calls, call => Assert.Contains(harmless, start => call.Text.StartsWith(start, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_second_run_makes_no_group_registers_nothing_and_restarts_nothing()
    {
        using var run = Machine();
        run.Answer("az group exists*", "true")
            .Answer("az provider list*", string.Join('\n', Providers))
            .Answer("az postgres flexible-server parameter show*", "False\n");
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az group create"));
        Assert.False(result.Has("az provider register"));
        Assert.False(result.Has("az postgres flexible-server restart"));
        Assert.True(result.Has("az deployment group create --name ingest-main"));
    }

    [Fact]
    public async Task Names_with_spaces_arrive_whole()
    {
        using var run = Machine();
        var own = run.In("my own.bicepparam");
        await File.WriteAllTextAsync(own, "", TestContext.Current.CancellationToken);
        var result = await DeployAsync(FirstTime(run), "--parameters", own, "--package", run.In("a package.zip"));
        Assert.Equal(0, result.ExitCode);
        var groups = result.Calls.Where(call => call.After("--resource-group") is not null).ToList();
        Assert.True(groups.Count > 10);
        Assert.All(groups, call => Assert.Equal("my group", call.After("--resource-group")));
        Assert.Equal(own, result.Only("az deployment group create --name ingest-main").After("--parameters"));
        Assert.Equal(run.In("a package.zip"), result.Only("az functionapp deployment source config-zip").After("--src"));
        Assert.Equal(run.In("repo/deploy/functions/jobs.bicep"), result.Only("az deployment group create --resource-group").After("--template-file"));
    }

    [Fact]
    public async Task Addresses_arrive_as_lists()
    {
        using var run = Machine();
        var result = await DeployAsync(
            FirstTime(run), "--size", "production", "--device-address", "203.0.113.0/24", "--device-address", "2001:db8::1", "--administrator", "192.0.2.7");
        Assert.Equal(0, result.ExitCode);
        var main = result.Only("az deployment group create --name ingest-main").Arguments;
        Assert.Contains("""deviceAddresses=["203.0.113.0/24","2001:db8::1/128"]""", main);
        Assert.Contains("""administratorAddresses=["192.0.2.7/32"]""", main);
        Assert.Contains("location=westeurope", main);
        Assert.Contains(run.In("repo/deploy/functions/production.bicepparam"), main);
    }

    [Fact]
    public void It_never_reads_a_key_or_a_token()
    {
        var result = first.Result;
        Assert.Equal(0, result.ExitCode);
        Assert.All(result.Calls, call => Assert.DoesNotMatch("(?i)keys|get-access-token|connection-string|password|secret|appsettings list", call.Text));
    }

    [Fact]
    public async Task The_migration_travels_as_an_archive_of_sql()
    {
        var result = first.Result;
        var parameters = JsonNode.Parse(Assert.Single(result.Only("az deployment group create --resource-group").Files))!["parameters"]!;
        Assert.Equal("install", (string?)parameters["task"]!["value"]);
        Assert.Equal("ingest", (string?)parameters["name"]!["value"]);
        Assert.Equal("westeurope", (string?)parameters["location"]!["value"]);
        Assert.Equal("the-principal", (string?)parameters["jobsPrincipalId"]!["value"]);
        Assert.Equal("itsme", (string?)parameters["seedDevice"]!["value"]);

        using var bytes = new MemoryStream(Convert.FromBase64String((string)parameters["migration"]!["value"]!));
        await using var gzip = new GZipStream(bytes, CompressionMode.Decompress);
        await using var tar = new TarReader(gzip);
        var names = new List<string>();
        while (await tar.GetNextEntryAsync(cancellationToken: TestContext.Current.CancellationToken) is { } entry)
        {
            names.Add(Path.GetFileName(entry.Name));
        }

        Assert.Equal(["0001_first.sql", "0002_second.timescale.sql"], names.Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task Without_a_device_to_seed_Cosmos_stays_closed()
    {
        using var run = Machine();
        run.Answer("az deployment group show*", Installation);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az cosmosdb network-rule add"));
    }

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
        using var run = Machine();
        var result = await DeployAsync(FirstTime(run), "--deployer-address", "192.0.2.99");
        Assert.Equal("192.0.2.99/32", result.Only("az functionapp config access-restriction add").After("--ip-address"));
    }

    [Fact]
    public async Task An_administrator_needs_no_door_opened()
    {
        using var run = Machine();
        run.Answer("curl *", "401");
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.False(result.Has("az functionapp config access-restriction"));
        Assert.True(result.Has("az functionapp deployment source config-zip"));
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
        using var run = Machine();
        run.Answer("az deployment group create --resource-group * --name ingest-jobs*", code: code, signal: signal);
        var result = await DeployAsync(FirstTime(run));
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
        using var run = Machine();
        run.Answer("az functionapp deployment source config-zip*", code: code, signal: signal);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(exitCode, result.ExitCode);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task A_door_half_opened_is_closed_too()
    {
        using var run = Machine();
        run.Answer("az functionapp config access-restriction add*", code: 1);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
        Assert.False(result.Has("az functionapp deployment"));
    }

    [Fact]
    public async Task A_door_found_closed_is_left_alone()
    {
        using var run = Machine();
        run.Answer("az functionapp config access-restriction show*")
            .Answer("az cosmosdb network-rule list*")
            .Answer("az cosmosdb sql role assignment list*")
            .Answer("az rest*")
            .Answer("az role assignment list*");
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain(result.Calls, call => call.Arguments.Contains("remove") || call.Arguments.Contains("delete"));
    }

    [Fact]
    public async Task A_door_is_closed_even_when_closing_fails_twice()
    {
        using var run = Machine();
        run.Answer("az functionapp config access-restriction remove*", code: 1, times: 2);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3, result.Count("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task A_door_that_will_not_close_is_named_with_the_command_that_closes_it()
    {
        using var run = Machine();
        run.Answer("az functionapp config access-restriction remove*", code: 1);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("may still be open for 203.0.113.50/32", result.Error, StringComparison.Ordinal);
        Assert.Contains("az functionapp config access-restriction remove --resource-group 'my group' --name the-app", result.Error, StringComparison.Ordinal);
        Assert.Equal(3, result.Count("az functionapp config access-restriction remove"));
    }

    [Fact]
    public async Task Rights_that_will_not_go_are_named_and_the_others_are_taken_all_the_same()
    {
        using var run = Machine();
        run.Answer("az cosmosdb sql role assignment delete*", code: 1);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("the-principal still has rights in the resource group 'my group'", result.Error, StringComparison.Ordinal);
        Assert.True(result.Has("az resource delete"));
        Assert.True(result.Has("az role assignment delete"));
        Assert.False(result.Has("az functionapp"));
    }

    [Fact]
    public void It_leaves_no_file_behind() => Assert.Empty(first.FilesLeft);

    [Theory]
    [InlineData("az", "Install the Azure CLI")]
    [InlineData("curl", "Install curl")]
    [InlineData("dotnet", "Install the .NET 10 SDK (https://dot.net), or pass --package FILE.")]
    [InlineData("zip", "Install zip, or pass --package FILE.")]
    public async Task A_missing_tool_is_named_with_where_to_get_it(string tool, string remedy)
    {
        using var run = Machine();
        var result = await DeployAsync(FirstTime(run).Without(tool));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"{tool} is not installed. {remedy}", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Calls, call => call.Text.StartsWith("az group", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("az account show*", "az login")]
    [InlineData("dotnet publish*", "pass --package FILE")]
    [InlineData("az deployment group create --name ingest-main*", "you have to be Owner")]
    [InlineData("az deployment group show*", "There is no installation in the resource group 'my group'")]
    [InlineData("az deployment group create --resource-group * --name ingest-jobs*", "az deployment-scripts show-log --resource-group 'my group' --name ingest-migrate")]
    [InlineData("az functionapp deployment source config-zip*", "running this again is safe")]
    public async Task A_step_that_fails_says_what_to_do_and_ends_the_run(string step, string remedy)
    {
        using var run = Machine();
        run.Answer(step, code: 1);
        var result = await DeployAsync(FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("error: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(remedy, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Done.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_site_that_stays_closed_or_hides_the_address_is_told_apart()
    {
        using var hidden = Machine();
        hidden.Answer("curl * --dump-header *", "HTTP/2 403\r\n");
        var result = await DeployAsync(FirstTime(hidden));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Name it: --deployer-address ADDRESS", result.Error, StringComparison.Ordinal);
        Assert.False(result.Has("az functionapp config access-restriction add"));

        using var closed = Machine();
        closed.Answer("curl * --write-out *", "403");
        result = await DeployAsync(FirstTime(closed));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("still refuses 203.0.113.50/32 after 30 attempts", result.Error, StringComparison.Ordinal);
        Assert.True(result.Has("az functionapp config access-restriction remove"));
    }

    [Theory]
    [InlineData("Name the resource group", "--location", "westeurope")]
    [InlineData("Name the region", "--resource-group", "g")]
    [InlineData("--resource-group needs a value", "--resource-group")]
    [InlineData("There is no option --force", "--force")]
    [InlineData("--size 'huge' is neither small nor production", "--resource-group", "g", "--location", "l", "--size", "huge")]
    [InlineData("Name where your devices come from", "--resource-group", "g", "--location", "l", "--size", "production")]
    [InlineData("--administrator 'me' is no address", "--administrator", "me")]
    [InlineData("--device-address '1.2.3.4\"]' is no address", "--device-address", "1.2.3.4\"]")]
    [InlineData("--deployer-address '$(id)' is no address", "--deployer-address", "$(id)")]
    public async Task A_wrong_command_line_is_explained_and_nothing_is_called(string message, params string[] arguments)
    {
        using var run = Machine();
        var result = await run.RunAsync("deploy.sh", arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"error: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Contains("usage: deploy.sh", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Calls);
    }

    [Theory]
    [InlineData("--parameters")]
    [InlineData("--package")]
    public async Task A_file_that_is_not_there_is_named(string option)
    {
        using var run = Machine();
        var result = await DeployAsync(FirstTime(run), option, "no such file");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("There is no file 'no such file'.", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Calls);
    }

    [Fact]
    public async Task Help_helps()
    {
        using var run = Machine();
        var result = await run.RunAsync("deploy.sh", "--help");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("--what-if", result.Output, StringComparison.Ordinal);
        Assert.Empty(result.Calls);
    }

    internal static ScriptRun Machine() => new("az", "curl", "dotnet", "zip", "sleep");

    /// <summary>What Azure would say to a first deployment, where the test said nothing else before.</summary>
    internal static ScriptRun FirstTime(ScriptRun run) =>
        run.Answer("az account show*", "Trial")
            .Answer("az group exists*", "false")
            .Answer("az provider list*", string.Join('\n', Providers.Where(provider => provider != "Microsoft.Web")))
            .Answer("az deployment group show*", Installation + "itsme")
            .Answer("az postgres flexible-server parameter show*", "true")
            .Answer("az cosmosdb network-rule list*", "/net/subnets/jobs")
            .Answer("az cosmosdb sql role assignment list*", "role-1")
            .Answer("az resource show*", "/servers/the-pg")
            .Answer("az rest*", "/servers/the-pg/administrators/the-principal")
            .Answer("az role assignment list*", "/roles/1\n/roles/2")
            .Answer("curl * --dump-header *", "HTTP/2 403\r\ncontent-length: 0\r\nx-ms-forbidden-ip: 203.0.113.50\r\n")
            .Answer("curl * --write-out *", "403", times: 1)
            .Answer("curl * --write-out *", "401")
            .Answer("az functionapp config access-restriction show*", "package-upload");

    internal static Task<ScriptResult> DeployAsync(ScriptRun run, params string[] more) =>
        run.RunAsync("deploy.sh", ["--resource-group", "my group", "--location", "westeurope", .. more]);
}
