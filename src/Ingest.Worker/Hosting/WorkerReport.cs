using System.Text.Json;
using System.Text.Json.Serialization;
using Ingest.Diagnostics;
using Ingest.Worker.Partitions;

namespace Ingest.Worker.Hosting;

/// <summary>How a running worker stands: what <c>/readyz</c> says, and <c>ingest status</c> shows.</summary>
/// <param name="Ready">Whether hub and database are being used.</param>
/// <param name="Hub">What the hub is called in checkpoints.</param>
/// <param name="ConsumerGroup">The consumer group read with.</param>
/// <param name="Worker">The worker's name for this run, as the owner of its partitions.</param>
/// <param name="WaitsFor">What keeps it from its partitions, or null.</param>
/// <param name="Database">The write path: state, retries, queue, last error.</param>
/// <param name="Partitions">How each partition stands that it reads: its share of the hub's.</param>
public sealed record WorkerReport(
    [property: JsonRequired] bool Ready,
    string Hub,
    string ConsumerGroup,
    string? Worker,
    string? WaitsFor,
    [property: JsonRequired] PipelineHealthSnapshot Database,
    [property: JsonRequired] IReadOnlyList<PartitionStatus> Partitions)
{
    /// <summary>How it is written and read.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        // What answers at the port may be anybody.
        RespectNullableAnnotations = true,
    };

    public static WorkerReport Of(string hub, string consumerGroup, string? waitsFor, HubWorker worker, PipelineHealth pipeline)
    {
        var database = pipeline.Read();
        var partitions = worker.Partitions;

        // No partition is ready too: with more workers than partitions, some wait for one to be left.
        var ready = database.State == PipelineState.Working && waitsFor is null && partitions.All(partition => partition.IsAttached);
        return new WorkerReport(ready, hub, consumerGroup, worker.Name, waitsFor, database, partitions);
    }
}
