using System.Diagnostics.Metrics;
using Ingest.Sources.Diagnostics;

namespace Ingest.Worker.Diagnostics;

/// <summary>Figures of the worker, on the meter of the sources.</summary>
internal static class WorkerMetrics
{
    private static readonly Meter Meter = new(SourcesMetrics.Name);

    private static readonly Counter<long> Interruptions = Meter.CreateCounter<long>(
        "ingest.hub.reconnects", "{attempt}", "Times that reading a partition was interrupted");

    public static void Interrupted(string hub, string consumerGroup, string partition) =>
        Interruptions.Add(1, SourcesMetrics.Tags(hub, consumerGroup, partition, "receive"));
}
