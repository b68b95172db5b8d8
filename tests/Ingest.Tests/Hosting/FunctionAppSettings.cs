using Ingest.Functions.Hosting;
using Ingest.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

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
        ["Cosmos"] = "AccountEndpoint=https://localhost:8081/;AccountKey=AAAA",
        ["CosmosDatabase"] = "devices",
        ["CosmosContainer"] = "Container",
        ["Database__ConnectionString"] = "Host=localhost;Username=u;Password=p",
    };

    /// <param name="appSettings">The settings.</param>
    /// <param name="token">Gives the database's token; null for one that is there at once.</param>
    public static ServiceProvider Compose(
        IEnumerable<KeyValuePair<string, string?>> appSettings, Func<CancellationToken, ValueTask<string>>? token = null)
    {
        // As the environment provider does.
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                appSettings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), setting.Value)))
            .Build();
        return new ServiceCollection()
            .AddLogging()
            .AddIngestPipeline(configuration, token ?? (_ => ValueTask.FromResult("token")))
            .AddFunctionSettings(configuration)
            .AddDeviceLookup(AppIdentity.Of(configuration))
            .BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }

    /// <summary>What the start says is wrong; empty where nothing is.</summary>
    public static IReadOnlyList<string> Problems(IEnumerable<KeyValuePair<string, string?>> appSettings) => Failure(appSettings) switch
    {
        null => [],
        OptionsValidationException exception => [.. exception.Failures],
        AggregateException exception =>
            [.. exception.InnerExceptions.Cast<OptionsValidationException>().SelectMany(inner => inner.Failures)],
        var exception => throw new InvalidOperationException("The start failed on something else", exception),
    };

    /// <summary>What the start throws; null where it succeeds.</summary>
    public static Exception? Failure(IEnumerable<KeyValuePair<string, string?>> appSettings)
    {
        using var services = Compose(appSettings);
        return Record.Exception(services.GetRequiredService<IStartupValidator>().Validate);
    }

    public static FunctionSettings Function(IEnumerable<KeyValuePair<string, string?>> appSettings)
    {
        using var services = Compose(appSettings);
        return services.GetRequiredService<IOptions<FunctionSettings>>().Value;
    }

    public static CommitSettings Commit(IEnumerable<KeyValuePair<string, string?>> appSettings)
    {
        using var services = Compose(appSettings);
        return services.GetRequiredService<IOptions<CommitSettings>>().Value;
    }
}
