using Azure.Core;
using Ingest.Diagnostics;
using Ingest.Lookup;
using Ingest.Settings;
using Ingest.Write;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Ingest.Functions.Hosting;

/// <summary>Composes the pipeline for a host with a service collection.</summary>
public static class IngestServices
{
    /// <summary>
    /// Adds the pipeline with its settings (sections <c>Telemetry</c>, <c>Commit</c>, <c>DeadLetters</c>, <c>Database</c>), its data
    /// source, health and metrics, as singletons. The settings are validated when the host starts.
    /// </summary>
    /// <param name="services">Where to.</param>
    /// <param name="configuration">Where the settings are.</param>
    /// <param name="token">Gives the password where <see cref="DatabaseSettings.EntraAuthentication"/> is set.</param>
    public static IServiceCollection AddIngestPipeline(
        this IServiceCollection services, IConfiguration configuration, Func<CancellationToken, ValueTask<string>> token)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSection<TelemetrySettings>(configuration, TelemetrySettings.Section);
        services.AddSection<CommitSettings>(configuration, CommitSettings.Section);
        services.AddSection<DeadLetterSettings>(configuration, DeadLetterSettings.Section);
        services.AddSection<DatabaseSettings>(configuration, DatabaseSettings.Section);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<PipelineHealth>();
        services.AddSingleton<PipelineMetrics>();
        services.AddSingleton(provider =>
        {
            var settings = provider.GetRequiredService<IOptions<DatabaseSettings>>().Value;
            return DatabaseConnections.Create(
                settings, settings.EntraAuthentication ? token : null, provider.GetRequiredService<ILoggerFactory>());
        });
        services.AddSingleton(provider => new IngestPipeline(
            provider.GetRequiredService<NpgsqlDataSource>(),
            new IngestSettings
            {
                Telemetry = provider.GetRequiredService<IOptions<TelemetrySettings>>().Value,
                Commit = provider.GetRequiredService<IOptions<CommitSettings>>().Value,
                DeadLetters = provider.GetRequiredService<IOptions<DeadLetterSettings>>().Value,
                Database = provider.GetRequiredService<IOptions<DatabaseSettings>>().Value,
            },
            provider.GetRequiredService<PipelineHealth>(),
            provider.GetRequiredService<PipelineMetrics>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<Readiness>();
        return services;
    }

    /// <summary>
    /// Adds what a Function app needs besides: <see cref="FunctionSettings"/>, validated when the host starts, and a pipeline that gives up
    /// before the host's timeout (<see cref="InvocationTime"/>).
    /// </summary>
    public static IServiceCollection AddFunctionSettings(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptions<FunctionSettings>()
            .Configure(settings =>
            {
                settings.HubName = configuration[nameof(FunctionSettings.HubName)];
                settings.HubIdentity = configuration["Hub:Identity"];
                settings.HubConsumerGroup = configuration[nameof(FunctionSettings.HubConsumerGroup)];
                settings.Cosmos = AppSetting.Cosmos(configuration);
                settings.CosmosDatabase = configuration[nameof(FunctionSettings.CosmosDatabase)];
                settings.CosmosContainer = configuration[nameof(FunctionSettings.CosmosContainer)];
            })
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<FunctionSettings>>(new FunctionSettingsValidation(configuration));
        services.PostConfigure<CommitSettings>(InvocationTime.SetDefault);
        services.AddSingleton<IValidateOptions<CommitSettings>>(new InvocationTime.Validation(configuration));
        return services;
    }

    /// <summary>
    /// Adds the device lookup on one client of Cosmos DB, which is made of <see cref="FunctionSettings"/> when it is first needed.
    /// </summary>
    /// <param name="services">Where to.</param>
    /// <param name="identity">Reads the documents where no connection string is given.</param>
    public static IServiceCollection AddDeviceLookup(this IServiceCollection services, TokenCredential identity)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<FunctionSettings>>().Value.Cosmos!.Connect(identity));
        services.AddSingleton(provider =>
        {
            var settings = provider.GetRequiredService<IOptions<FunctionSettings>>().Value;
            return new DeviceLookup(
                provider.GetRequiredService<CosmosClient>().GetContainer(settings.CosmosDatabase, settings.CosmosContainer),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<DeviceLookup>>());
        });
        return services;
    }

    private static void AddSection<T>(this IServiceCollection services, IConfiguration configuration, string section)
        where T : class
    {
        var settings = new AppSettings<T>(configuration, section);
        services.AddSingleton<IConfigureOptions<T>>(settings);
        services.AddSingleton<IValidateOptions<T>>(settings);
        services.AddOptions<T>().ValidateOnStart();
    }
}
