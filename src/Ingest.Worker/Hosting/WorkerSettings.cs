using Ingest.Decode;
using Microsoft.Extensions.Configuration;

namespace Ingest.Worker.Hosting;

/// <summary>All that a worker is set up with.</summary>
/// <param name="Pipeline">Hub, database, mapping, commits and dead letters.</param>
/// <param name="Health">Where it answers probes.</param>
/// <param name="Mapping">The mapping, resolved.</param>
public sealed record WorkerSettings(PipelineSettings Pipeline, HealthSettings Health, TelemetryMapping Mapping)
{
    /// <exception cref="StartUpException">Settings are wrong or missing; the message lists them all.</exception>
    public static WorkerSettings Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        var pipeline = PipelineSettings.Read(reader);
        var health = reader.Read<HealthSettings>(HealthSettings.Section);
        var mapping = reader.Mapping(pipeline.Telemetry);
        reader.ThrowIfAny();
        return new WorkerSettings(pipeline, health, mapping!);
    }
}
