using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

public sealed class DeployCommandLineTests
{
    [Fact]
    public async Task Names_with_spaces_arrive_whole()
    {
        using var run = Deployment.Machine();
        var own = run.In("my own.bicepparam");
        await File.WriteAllTextAsync(own, "", TestContext.Current.CancellationToken);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run), "--parameters", own, "--package", run.In("a package.zip"));
        Assert.Equal(0, result.ExitCode);
        var groups = result.Calls.Where(call => call.After("--resource-group") is not null).ToList();
        Assert.True(groups.Count > 10);
        Assert.All(groups, call => Assert.Equal("my group", call.After("--resource-group")));
        Assert.Equal(own, result.Only("az deployment group create --name ingest-main").After("--parameters"));
        Assert.Equal(run.In("a package.zip"), result.Only("az functionapp deployment source config-zip").After("--src"));
        Assert.Equal(
            run.In("repo/deploy/functions/jobs.bicep"),
            result.Only("az deployment group create --resource-group").After("--template-file"));
    }

    [Fact]
    public async Task Addresses_arrive_as_lists()
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(
            Deployment.FirstTime(run),
            "--size",
            "production",
            "--device-address",
            "203.0.113.0/24",
            "--device-address",
            "198.51.100.1",
            "--administrator",
            "2001:db8::1");
        Assert.Equal(0, result.ExitCode);
        var main = result.Only("az deployment group create --name ingest-main").Arguments;
        Assert.Contains("""deviceAddresses=["203.0.113.0/24","198.51.100.1/32"]""", main);
        Assert.Contains("""administratorAddresses=["2001:db8::1/128"]""", main);
        Assert.Contains("location=westeurope", main);
        Assert.Contains(run.In("repo/deploy/functions/production.bicepparam"), main);
    }

    [Theory]
    [InlineData("az", "Install the Azure CLI")]
    [InlineData("curl", "Install curl")]
    [InlineData("dotnet", "Install the .NET 10 SDK (https://dot.net), or pass --package FILE.")]
    [InlineData("zip", "Install zip, or pass --package FILE.")]
    public async Task A_missing_tool_is_named_with_where_to_get_it(string tool, string remedy)
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run).Without(tool));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"{tool} is not installed. {remedy}", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Calls, call => call.Text.StartsWith("az group", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("az account show*", "az login")]
    [InlineData("dotnet publish*", "pass --package FILE")]
    [InlineData("az deployment group create --name ingest-main*", "Azure refused something")]
    [InlineData("az deployment group show*", "There is no installation in the resource group 'my group'")]
    [InlineData(
        "az deployment group create --resource-group * --name ingest-jobs*",
        "az deployment-scripts show-log --resource-group 'my group' --name ingest-migrate")]
    [InlineData("az functionapp deployment source config-zip*", "running this again is safe")]
    public async Task A_step_that_fails_says_what_to_do_and_ends_the_run(string step, string remedy)
    {
        using var run = Deployment.Machine();
        run.Answer(step, code: 1);
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("error: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(remedy, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Done.", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Name the resource group", "--location", "westeurope")]
    [InlineData("Name the region", "--resource-group", "g")]
    [InlineData("--resource-group needs a value", "--resource-group")]
    [InlineData("There is no option --force", "--force")]
    [InlineData("--size 'huge' is neither small nor production", "--resource-group", "g", "--location", "l", "--size", "huge")]
    [InlineData("Name where your devices come from", "--resource-group", "g", "--location", "l", "--size", "production")]
    [InlineData("is an IPv6 address. IoT Hub's filter knows IPv4 alone", "--device-address", "2001:db8::1")]
    [InlineData("--alarm-address 'me' is no e-mail address", "--alarm-address", "me")]
    [InlineData("A key is primary or secondary, not 'third'.", "--resource-group", "g", "--location", "l", "--hub-key", "third")]
    [InlineData("A key is primary or secondary, not 'third'.", "--resource-group", "g", "--location", "l", "--share-key", "third")]
    [InlineData("--administrator 'me' is no address", "--administrator", "me")]
    [InlineData("--device-address '1.2.3.4\"]' is no address", "--device-address", "1.2.3.4\"]")]
    [InlineData("--deployer-address '$(id)' is no address", "--deployer-address", "$(id)")]
    public async Task A_wrong_command_line_is_explained_and_nothing_is_called(string message, params string[] arguments)
    {
        using var run = Deployment.Machine();
        await run.RefusesAsync("deploy.sh", message, arguments);
    }

    [Theory]
    [InlineData("--parameters")]
    [InlineData("--package")]
    public async Task A_file_that_is_not_there_is_named(string option)
    {
        using var run = Deployment.Machine();
        var result = await Deployment.DeployAsync(Deployment.FirstTime(run), option, "no such file");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("There is no file 'no such file'.", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Calls);
    }

    [Fact]
    public async Task Help_helps()
    {
        using var run = Deployment.Machine();
        var result = await run.RunAsync("deploy.sh", "--help");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("--what-if", result.Output, StringComparison.Ordinal);
        Assert.Empty(result.Calls);
    }
}
