using Azure.Messaging.EventHubs;
using Ingest.Sources.EventHubs;

namespace Ingest.Cli.Simulation;

/// <summary>Sends simulated messages to a hub, with the annotations that IoT Hub would add.</summary>
internal static class FleetSender
{
    public static SendMessages To(HubSender sender) => async (partition, messages, cancellationToken) =>
    {
        var sent = await sender.SendAsync([.. messages.Select(ToEventData)], SendTarget.Partition(partition), cancellationToken);
        return sent.Resent;
    };

    private static EventData ToEventData(SimulatedMessage message)
    {
        var data = new EventData(new BinaryData(message.Body)) { ContentType = "application/json" };
        var annotations = data.GetRawAmqpMessage().MessageAnnotations;
        annotations["iothub-connection-device-id"] = message.Device;
        annotations["iothub-enqueuedtime"] = message.Stamp;
        annotations["iothub-message-source"] = message.Source;
        return data;
    }
}
