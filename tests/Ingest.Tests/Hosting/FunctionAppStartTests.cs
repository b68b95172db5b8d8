using Ingest.Functions.Hosting;
using Ingest.Lookup;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace Ingest.Tests.Hosting;

public sealed class FunctionAppStartTests
{
    private readonly Dictionary<string, string?> _settings = FunctionAppSettings.Complete();

    [Fact]
    public async Task Complete_settings_start_and_make_one_pipeline()
    {
        Assert.Empty(FunctionAppSettings.Problems(_settings));

        await using var services = FunctionAppSettings.Compose(_settings);
        Assert.Same(services.GetRequiredService<IngestPipeline>(), services.GetRequiredService<IngestPipeline>());
        Assert.Same(services.GetRequiredService<IngestPipeline>().Health, services.GetRequiredService<Ingest.Diagnostics.PipelineHealth>());
    }

    [Theory]
    [InlineData("AzureWebJobsStorage")]
    [InlineData("EventHub")]
    [InlineData("HubName")]
    [InlineData("HubConsumerGroup")]
    [InlineData("Cosmos")]
    [InlineData("CosmosDatabase")]
    [InlineData("CosmosContainer")]
    [InlineData("Database__ConnectionString")]
    public void A_missing_setting_is_named(string setting)
    {
        _settings.Remove(setting);

        Assert.Contains(setting, Assert.Single(FunctionAppSettings.Problems(_settings)), StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_is_wrong_is_said_at_once_in_one_line_with_where_to_put_it_right()
    {
        var said = StartFailure.Describe(FunctionAppSettings.Failure([])!)!;

        Assert.All(FunctionAppSettings.Complete().Keys, setting => Assert.Contains(setting, said, StringComparison.Ordinal));
        Assert.Equal(8, FunctionAppSettings.Problems([]).Count);
        Assert.Equal(2, said.Split("local.settings.json").Length);
        Assert.DoesNotContain('\n', said);
    }

    [Fact]
    public void A_start_that_fails_on_something_else_is_not_explained_away()
    {
        var invalid = new OptionsValidationException("", typeof(object), ["HubName is missing."]);

        Assert.Null(StartFailure.Describe(new InvalidOperationException("a defect")));
        Assert.Null(StartFailure.Describe(new AggregateException(invalid, new InvalidOperationException("a defect"))));
        Assert.NotNull(StartFailure.Describe(new AggregateException(invalid, invalid)));
    }

    [Fact]
    public void The_hub_is_called_what_the_workers_setting_says()
    {
        Assert.Null(FunctionAppSettings.Function(_settings).HubIdentity);

        _settings["Hub__Identity"] = "before-the-failover/telemetry";
        Assert.Equal("before-the-failover/telemetry", FunctionAppSettings.Function(_settings).HubIdentity);
    }

    [Theory]
    [InlineData("Cosmos", "Cosmos__accountEndpoint")]
    [InlineData("EventHub", "EventHub__fullyQualifiedNamespace")]
    [InlineData("AzureWebJobsStorage", "AzureWebJobsStorage__accountName")]
    [InlineData("AzureWebJobsStorage", "AzureWebJobsStorage__blobServiceUri")]
    public void An_identity_takes_a_connection_strings_place(string connection, string property)
    {
        _settings.Remove(connection);
        _settings[property] = "https://plant.documents.azure.com:443/";

        Assert.Empty(FunctionAppSettings.Problems(_settings));
    }

    [Theory]
    [InlineData("Telemetry__Tabel", "readings", "Tabel")]
    [InlineData("Commit__MaxRows", "0", "Commit__MaxRows")]
    [InlineData("Commit__MaxRows", "many", "Commit")]
    [InlineData("Database__CommandTimeoutSeconds", "0", "Database__CommandTimeoutSeconds")]
    [InlineData("Telemetry__Table", "a.b.c", "Telemetry:Table")]
    [InlineData("Telemetry__Columns__0__Name", "", "Columns")]
    public void A_setting_that_cannot_be_used_is_named(string setting, string value, string named)
    {
        _settings[setting] = value;

        Assert.Contains(FunctionAppSettings.Problems(_settings), problem => problem.Contains(named, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Cosmos", "plant")]
    [InlineData("Cosmos", "AccountEndpoint=https://plant.documents.azure.com:443/")]
    [InlineData("Cosmos", "AccountEndpoint=plant;AccountKey=AAAA")]
    [InlineData("Cosmos", "AccountEndpoint=https://plant.documents.azure.com:443/;AccountKey=s3cret")]
    [InlineData("Cosmos", "AccountEndpoint=\"s3cret")]
    [InlineData("Cosmos__accountEndpoint", "plant")]
    [InlineData("Cosmos__accountEndpoint", "http://plant.documents.azure.com:443/")]
    [InlineData("CosmosDatabase", "dev/ices")]
    [InlineData("CosmosContainer", "Container?")]
    public void A_lookup_that_could_never_work_is_named_at_the_start_and_its_key_is_not_said(string setting, string value)
    {
        if (setting == "Cosmos__accountEndpoint")
        {
            _settings.Remove("Cosmos");
        }

        _settings[setting] = value;

        var problem = Assert.Single(FunctionAppSettings.Problems(_settings));
        Assert.StartsWith(setting, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Cosmos", "AccountEndpoint=https://localhost:8081/;AccountKey=AAAA", "https://localhost:8081/")]
    [InlineData("Cosmos__accountEndpoint", "https://plant.documents.azure.com:443/", "https://plant.documents.azure.com/")]
    public async Task The_lookup_has_one_client_of_the_account_that_is_named(string setting, string value, string address)
    {
        _settings.Remove("Cosmos");
        _settings[setting] = value;
        await using var services = FunctionAppSettings.Compose(_settings);

        Assert.Equal(new Uri(address), services.GetRequiredService<CosmosClient>().Endpoint);
        Assert.Same(services.GetRequiredService<DeviceLookup>(), services.GetRequiredService<DeviceLookup>());
    }

    [Fact]
    public void The_pipeline_gives_up_before_the_host_would()
    {
        Assert.Equal(InvocationTime.GiveUpAfterSeconds, FunctionAppSettings.Commit(_settings).GiveUpAfterSeconds);

        _settings["Commit__GiveUpAfterSeconds"] = "100";
        Assert.Equal(100, FunctionAppSettings.Commit(_settings).GiveUpAfterSeconds);
    }

    [Theory]
    [InlineData("540", null, true)]
    [InlineData("541", null, false)]
    [InlineData("541", "00:20:00", true)]
    [InlineData("86400", "-1", true)]
    [InlineData("240", "00:04:30", false)]
    public void A_give_up_time_past_the_hosts_timeout_is_refused(string seconds, string? functionTimeout, bool fits)
    {
        _settings["Commit__GiveUpAfterSeconds"] = seconds;
        _settings["AzureFunctionsJobHost__functionTimeout"] = functionTimeout;

        var problems = FunctionAppSettings.Problems(_settings);

        Assert.Equal(fits, problems.Count == 0);
        Assert.All(problems, problem => Assert.Contains("Commit__GiveUpAfterSeconds", problem, StringComparison.Ordinal));
    }
}
