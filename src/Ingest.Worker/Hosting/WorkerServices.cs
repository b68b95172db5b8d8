using Azure.Core;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.Checkpoints;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Ownership;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Worker.Hosting;

/// <summary>The worker and what stands around it, as services of a host.</summary>
public static class WorkerServices
{
    /// <summary>Adds the worker, its probes, its telemetry and its way of ending.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="settings">How it is set up.</param>
    /// <param name="ownership">Where the workers agree on who reads what; null: in the database.</param>
    public static IServiceCollection AddIngestWorker(
        this IServiceCollection services, WorkerSettings settings, Func<IServiceProvider, CheckpointStore>? ownership = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        services.AddSingleton(settings);

        // What Npgsql has to say reaches us as an exception, and is told in our words.
        services.AddLogging(static logging => logging.AddFilter("Npgsql", LogLevel.Critical).AddSafeConsole());
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<TokenCredential>(HubLogin.Credential);
        services.AddSingleton(provider => PipelineComposition.Create(
            settings.Pipeline, settings.Mapping, Purpose.Worker, provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton(provider => new HubClient(
            settings.Pipeline.Hub,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<HubClient>>(),
            provider.GetRequiredService<TokenCredential>()));
        services.AddSingleton(ownership ?? OwnershipInDatabase);
        services.AddSingleton(provider => new HubWorker(
            provider.GetRequiredService<HubClient>(),
            settings.Mapping.Fields,
            provider.GetRequiredService<PipelineComposition>().Checkpoints.ClaimAsync,
            provider.GetRequiredService<PipelineComposition>().Pipeline.ProcessAsync,
            provider.GetRequiredService<CheckpointStore>()));
        services.AddSingleton<ShutdownSignals>();
        services.AddSingleton<IHostLifetime, SignalLifetime>();
        services.Configure<HostOptions>(static host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        services.AddSingleton<WorkerService>();
        services.AddHostedService<HealthServer>();
        services.AddHostedService(static provider => provider.GetRequiredService<WorkerService>());
        return services;
    }

    // In the pipeline's own database.
    private static DatabaseOwnership OwnershipInDatabase(IServiceProvider provider) =>
        new(
            new PartitionOwnerTable(provider.GetRequiredService<PipelineComposition>().DataSource),
            provider.GetRequiredService<HubClient>().Hub);
}
