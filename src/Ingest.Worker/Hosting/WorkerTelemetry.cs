using Ingest.Diagnostics;
using Ingest.Sources.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Ingest.Worker.Hosting;

/// <summary>
/// Exports metrics and traces over OTLP where the standard variable names an endpoint; protocol, headers and intervals come from the
/// exporter's other variables.
/// </summary>
public sealed class WorkerTelemetry : IDisposable
{
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider _metrics;
    private readonly TracerProvider _traces;

    private WorkerTelemetry()
    {
        var resource = ResourceBuilder.CreateDefault().AddService("ingest", serviceVersion: typeof(WorkerTelemetry).Assembly.GetName().Version?.ToString());
        _metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(PipelineMetrics.SourceName, SourcesMetrics.Name, "Npgsql", "System.Runtime")
            .AddOtlpExporter()
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(PipelineMetrics.SourceName, SourcesMetrics.Name)
            .AddOtlpExporter()
            .Build();
    }

    public static WorkerTelemetry? Start() =>
        string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(EndpointVariable)) ? null : new WorkerTelemetry();

    public void Dispose()
    {
        _metrics.Dispose();
        _traces.Dispose();
    }
}
