using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ingest.Checkpoints;

namespace Ingest.Sources.Diagnostics;

/// <summary>Figures and spans of the sources, named as OpenTelemetry's messaging conventions name them.</summary>
public static class SourcesMetrics
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Ingest.Sources";

    internal static readonly ActivitySource Activities = new(Name);

    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> ConsumedMessages = Meter.CreateCounter<long>(
        "messaging.client.consumed.messages", "{message}", "Messages handed to the pipeline and made durable");

    private static readonly Counter<long> SentMessages = Meter.CreateCounter<long>(
        "messaging.client.sent.messages", "{message}", "Messages the hub has accepted");

    private static readonly Histogram<double> ProcessDuration = Meter.CreateHistogram<double>(
        "messaging.process.duration", "s", "From a batch handed to the pipeline until it was durable");

    internal static void Processed(PartitionKey partition, int messages, TimeSpan duration)
    {
        var tags = Tags(partition.Hub, partition.ConsumerGroup, partition.Partition, "process");
        ConsumedMessages.Add(messages, tags);
        ProcessDuration.Record(duration.TotalSeconds, tags);
    }

    /// <summary>A span for a batch, or null where nobody listens.</summary>
    internal static Activity? StartProcessing(PartitionKey partition, int messages)
    {
        var activity = Activities.StartActivity("process", ActivityKind.Consumer);
        if (activity is { IsAllDataRequested: true })
        {
            foreach (var (name, value) in Tags(partition.Hub, partition.ConsumerGroup, partition.Partition, "process"))
            {
                activity.SetTag(name, value);
            }

            activity.SetTag("messaging.operation.type", "process");
            activity.SetTag("messaging.batch.message_count", messages);
        }

        return activity;
    }

    internal static void Sent(string hub, int messages)
    {
        var tags = new TagList
        {
            { "messaging.system", "eventhubs" },
            { "messaging.operation.name", "send" },
            { "messaging.destination.name", hub },
        };
        SentMessages.Add(messages, tags);
    }

    internal static TagList Tags(string hub, string consumerGroup, string partition, string operation) => new()
    {
        { "messaging.system", "eventhubs" },
        { "messaging.operation.name", operation },
        { "messaging.destination.name", hub },
        { "messaging.destination.partition.id", partition },
        { "messaging.consumer.group.name", consumerGroup },
    };
}
