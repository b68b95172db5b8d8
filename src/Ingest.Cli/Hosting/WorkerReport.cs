using System.Text.Json;
using System.Text.Json.Serialization;
using Ingest.Diagnostics;
using Ingest.Sources.EventHubs;

namespace Ingest.Cli.Hosting;

/// <summary>How a running worker stands: what <c>/readyz</c> says, and <c>ingest status</c> shows.</summary>
/// <param name="Ready">Whether hub and database are being used.</param>
/// <param name="Hub">What the hub is called in checkpoints.</param>
/// <param name="ConsumerGroup">The consumer group read with.</param>
/// <param name="WaitsFor">Why the partitions are not claimed yet, or null.</param>
/// <param name="Database">The write path: circuit, queue, retries, last error.</param>
/// <param name="Partitions">How each partition stands; empty until they are claimed.</param>
internal sealed record WorkerReport(
    [property: JsonRequired] bool Ready,
    string Hub,
    string ConsumerGroup,
    string? WaitsFor,
    [property: JsonRequired] PipelineHealthSnapshot Database,
    [property: JsonRequired] IReadOnlyList<PartitionStatus> Partitions)
{
    /// <summary>How it is written and read.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    public static WorkerReport Of(string hub, string consumerGroup, HubWorker worker, PipelineHealth pipeline)
    {
        var database = pipeline.Read();
        var partitions = worker.Partitions;
        var ready = database.State == PipelineState.Working && partitions.Count > 0 && partitions.All(partition => partition.IsAttached);
        return new WorkerReport(ready, hub, consumerGroup, worker.WaitsFor, database, partitions);
    }
}
