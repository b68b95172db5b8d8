using Azure.Messaging.EventHubs;
using Ingest.Functions.Hosting;
using Ingest.Sources.EventHubs;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Options;

namespace Ingest.Functions;

/// <summary>Stores what devices send. The host calls it with batches of one partition, each after the last has returned.</summary>
public sealed class IngestTelemetry(IngestPipeline pipeline, IOptions<FunctionSettings> settings)
{
    // The host moves the partition's checkpoint when a call ends, whether it stored the batch or threw; it waits only while a retry policy
    // runs. So what is wrong with a reading never throws: it is dead-lettered, and the partition goes on. An outage of the database does
    // throw, and is tried again for ever: skipping the batch would lose it.
    [Function(nameof(IngestTelemetry))]
    [ExponentialBackoffRetry(-1, "00:00:01", "00:05:00")]
    public Task RunAsync(
        [EventHubTrigger("%HubName%", ConsumerGroup = "%HubConsumerGroup%", Connection = "EventHub")] EventData[] events,
        FunctionContext context,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var partition = TriggerPartition.From(context.BindingContext.BindingData, settings.Value.HubName ?? "", settings.Value.HubIdentity);
        var mapping = new EventMapping(partition.Hub, partition.Partition, pipeline.Fields);
        var batch = Array.ConvertAll(events, mapping.ToEvent);
        return pipeline.ProcessAsync(batch, checkpoint: null, cancellationToken);
    }
}
