using System.Diagnostics;
using System.Diagnostics.Metrics;

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

    private static readonly Counter<long> Reconnects = Meter.CreateCounter<long>(
        "ingest.hub.reconnects", "{attempt}", "Links that ended or could not be made");

    internal static void Processed(string hub, string consumerGroup, string partition, int messages, TimeSpan duration)
    {
        var tags = Tags(hub, consumerGroup, partition, "process");
        ConsumedMessages.Add(messages, tags);
        ProcessDuration.Record(duration.TotalSeconds, tags);
    }

    internal static void Reconnecting(string hub, string consumerGroup, string partition) =>
        Reconnects.Add(1, Tags(hub, consumerGroup, partition, "receive"));

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
