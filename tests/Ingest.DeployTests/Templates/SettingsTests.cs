using System.Text.Json;
using Ingest.DeployTests.Support;
using Ingest.Functions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace Ingest.DeployTests.Templates;

public sealed class SettingsTests(Support.Templates templates)
{
    [Fact]
    public void Every_app_setting_the_program_reads_is_set_and_no_other_is()
    {
        var expected = AppSettings.Program.Concat(AppSettings.Platform).Order(StringComparer.Ordinal);
        Assert.Equal(expected, AppSettings.Of(templates.Small).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_program_starts_on_what_is_deployed()
    {
        // The server's name and the account's address are known only once they are there; colons as the environment provider puts them.
        var deployed = AppSettings.Of(templates.Small);
        deployed["Database__ConnectionString"] = "Host=server;Username=app";
        deployed["Cosmos__accountEndpoint"] = "https://account.documents.azure.com:443/";
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(deployed.Select(setting =>
                KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value)))
            .Build();
        using var services = new ServiceCollection()
            .AddLogging()
            .AddIngestPipeline(configuration, _ => ValueTask.FromResult("token"))
            .AddFunctionSettings(configuration)
            .BuildServiceProvider();

        services.GetRequiredService<IStartupValidator>().Validate();

        Assert.True(services.GetRequiredService<IOptions<Ingest.Settings.DatabaseSettings>>().Value.EntraAuthentication);
    }

    [Fact]
    public void Sample_and_operations_guide_name_the_settings_that_are_deployed()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(DeployFolder.Root, "local.settings.sample.json")));
        var sample = file.RootElement.GetProperty("Values").EnumerateObject().Select(value => value.Name).ToHashSet();
        var guide = File.ReadAllText(Path.Combine(DeployFolder.Root, "docs", "operations.md"));

        // A connection by identity is one setting in the sample (Cosmos) and several as deployed (Cosmos__accountEndpoint, …).
        Assert.All(
            AppSettings.Program.Except(["AZURE_CLIENT_ID"]),
            name =>
                Assert.True(sample.Contains(name) || sample.Contains(name.Split("__")[0]), $"{name} is not in local.settings.sample.json"));
        Assert.All(AppSettings.Program, name => Assert.Contains($"`{name}`", guide, StringComparison.Ordinal));
    }

    [Fact]
    public void A_checkpoint_is_written_after_every_batch()
    {
        using var host = JsonDocument.Parse(File.ReadAllText(Path.Combine(DeployFolder.Root, "host.json")));
        Assert.Equal(
            1, host.RootElement.GetProperty("extensions").GetProperty("eventHubs").GetProperty("batchCheckpointFrequency").GetInt32());
    }

    [Fact]
    public void What_may_hold_a_password_is_secure()
    {
        foreach (var template in new[] { "main.bicep", Path.Combine("modules", "functionapp.bicep") })
        {
            var parameter = Snapshot.At(
                System.Text.Json.Nodes.JsonNode.Parse((string)templates.Compiled[template]["contents"]!), "parameters.extraSettings");
            Assert.Equal("secureObject", Snapshot.Text(parameter, "type"));
        }
    }

    [Fact]
    public void An_operators_own_settings_are_added_and_win()
    {
        var settings = AppSettings.Of(templates.Production);
        Assert.Equal("readings", settings["Telemetry__Table"]);
        Assert.Equal("60", settings["Commit__GiveUpAfterSeconds"]);
    }

    [Fact]
    public void The_database_is_named_without_a_password_and_its_certificate_is_checked()
    {
        var settings = AppSettings.Of(templates.Small);
        Assert.Equal("true", settings["Database__EntraAuthentication"]);
        var connection = settings["Database__ConnectionString"];
        Assert.Contains("SSL Mode=VerifyFull", connection, StringComparison.Ordinal);
        Assert.Contains("Database={1};Username={2};", connection, StringComparison.Ordinal);
        Assert.Matches(@"'ingest', 'ingest-app-\w+'\)\]$", connection);
    }

    [Fact]
    public void Every_identity_the_app_signs_in_with_is_its_own()
    {
        var settings = AppSettings.Of(templates.Small);
        var own = settings["AZURE_CLIENT_ID"];
        Assert.Contains("/ingest-app-", own, StringComparison.Ordinal);
        Assert.Equal(own, settings["AzureWebJobsStorage__clientId"]);
        Assert.Equal("managedidentity", settings["AzureWebJobsStorage__credential"]);
    }

    [Fact]
    public void The_pipeline_gives_up_well_before_the_host_ends_the_call() =>
        Assert.InRange(int.Parse(AppSettings.Of(templates.Small)["Commit__GiveUpAfterSeconds"]), 30, 300);
}
