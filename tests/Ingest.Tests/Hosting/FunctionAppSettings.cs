using Ingest.Hosting;
using Ingest.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Ingest.Tests.Hosting;

/// <summary>A start of the Function app's composition on given app settings.</summary>
internal static class FunctionAppSettings
{
    /// <summary>The least that a start needs.</summary>
    public static Dictionary<string, string?> Complete() => new()
    {
        ["AzureWebJobsStorage"] = "UseDevelopmentStorage=true",
        ["EventHub"] = "Endpoint=sb://localhost",
        ["HubName"] = "telemetry",
        ["HubConsumerGroup"] = "live",
        ["Cosmos"] = "AccountEndpoint=https://localhost:8081/",
        ["CosmosDatabase"] = "devices",
        ["CosmosContainer"] = "Container",
        ["Database__ConnectionString"] = "Host=localhost;Username=u;Password=p",
    };

    public static ServiceProvider Compose(IEnumerable<KeyValuePair<string, string?>> appSettings)
    {
        // As the environment provider does.
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(appSettings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), setting.Value)))
            .Build();
        return new ServiceCollection()
            .AddLogging()
            .AddIngestPipeline(configuration, _ => ValueTask.FromResult("token"))
            .AddFunctionSettings(configuration)
            .BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }

    /// <summary>What the start says is wrong; empty where nothing is.</summary>
    public static IReadOnlyList<string> Problems(IEnumerable<KeyValuePair<string, string?>> appSettings)
    {
        using var services = Compose(appSettings);
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
            return [];
        }
        catch (OptionsValidationException exception)
        {
            return [.. exception.Failures];
        }
        catch (AggregateException exception)
        {
            return [.. exception.InnerExceptions.Cast<OptionsValidationException>().SelectMany(inner => inner.Failures)];
        }
    }

    public static CommitSettings Commit(IEnumerable<KeyValuePair<string, string?>> appSettings)
    {
        using var services = Compose(appSettings);
        return services.GetRequiredService<IOptions<CommitSettings>>().Value;
    }
}
