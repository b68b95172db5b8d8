using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.Sources.EventHubs;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>Readers that are no worker.</summary>
internal static class Stranger
{
    /// <summary>Reads a partition with an owner level, so that nobody with a lower one may, until disposed.</summary>
    public static async Task<PartitionReceiver> ReadWithOwnerLevelAsync(this HubClient client, string partition, long level)
    {
        var receiver = new PartitionReceiver(
            EventHubConsumerClient.DefaultConsumerGroupName,
            partition,
            EventPosition.Latest,
            client.Endpoint.Connect(),
            new PartitionReceiverOptions { OwnerLevel = level });
        await receiver.ReceiveBatchAsync(1, TimeSpan.FromMilliseconds(50));
        return receiver;
    }
}
