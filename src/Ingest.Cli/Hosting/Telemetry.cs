using Microsoft.Extensions.Configuration;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Ingest.Cli.Hosting;

/// <summary>Exports metrics and traces over OTLP where an endpoint is configured; the exporter's own variables (<c>OTEL_EXPORTER_OTLP_…</c>) apply.</summary>
internal sealed class Telemetry : IDisposable
{
    private static readonly string[] Sources = ["Ingest", "Ingest.Sources"];

    private readonly MeterProvider _metrics;
    private readonly TracerProvider _traces;

    private Telemetry(Uri? endpoint)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("ingest", serviceVersion: typeof(Telemetry).Assembly.GetName().Version?.ToString());
        _metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter([.. Sources, "Npgsql", "System.Runtime"])
            .AddOtlpExporter(exporter => exporter.Endpoint = endpoint ?? exporter.Endpoint)
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(Sources)
            .AddOtlpExporter(exporter => exporter.Endpoint = endpoint ?? exporter.Endpoint)
            .Build();
    }

    public static Telemetry? Start(IConfiguration configuration)
    {
        var setting = configuration["OpenTelemetry:Endpoint"];
        if (string.IsNullOrWhiteSpace(setting))
        {
            return string.IsNullOrWhiteSpace(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]) ? null : new Telemetry(endpoint: null);
        }

        return Uri.TryCreate(setting, UriKind.Absolute, out var endpoint)
            ? new Telemetry(endpoint)
            : throw new CommandException($"OpenTelemetry:Endpoint '{setting}' is no absolute URL: use for instance http://localhost:4317.");
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _traces.Dispose();
    }
}
