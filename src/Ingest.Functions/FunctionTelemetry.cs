using Azure.Core;
using Azure.Monitor.OpenTelemetry.Exporter;
using Ingest.Diagnostics;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;

namespace Ingest.Functions;

/// <summary>Metrics, traces and logs by OpenTelemetry, to Azure Monitor and over OTLP where these are configured.</summary>
internal static class FunctionTelemetry
{
    public static void Add(FunctionsApplicationBuilder builder, TokenCredential credential)
    {
        var telemetry = builder.Services.AddOpenTelemetry()
            .UseFunctionsWorkerDefaults()
            .WithLogging()
            .WithMetrics(metrics => metrics.AddMeter(PipelineMetrics.SourceName, "Npgsql", "System.Runtime"))
            .WithTracing(traces => traces.AddSource(PipelineMetrics.SourceName, "Azure.Cosmos.Operation"));
        if (!string.IsNullOrEmpty(builder.Configuration["APPLICATIONINSIGHTS_CONNECTION_STRING"]))
        {
            // The Functions host's own setting for the same question, so that host and worker log in alike.
            var entra = builder.Configuration["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]?.Contains("Authorization=AAD", StringComparison.OrdinalIgnoreCase) == true;
            telemetry.UseAzureMonitorExporter(monitor => monitor.Credential = entra ? credential : null);
        }

        if (!string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            telemetry.UseOtlpExporter();
        }
    }
}
