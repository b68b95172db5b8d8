using Ingest.Sources.EventHubs;

namespace Ingest.Cli.Simulation;

/// <summary>Sends simulated messages to a hub, with the annotations that IoT Hub would add.</summary>
internal static class FleetSender
{
    public static SendMessages To(HubSender sender) => async (partition, messages, cancellationToken) =>
    {
        var sent = await sender.SendAsync([.. messages.Select(ToHubMessage)], SendTarget.Partition(partition), cancellationToken);
        return sent.Resent;
    };

    private static HubMessage ToHubMessage(SimulatedMessage message) => new()
    {
        Body = message.Body,
        ContentType = "application/json",
        Annotations = new Dictionary<string, object?>
        {
            ["iothub-connection-device-id"] = message.Device,
            ["iothub-enqueuedtime"] = message.Stamp,
            ["iothub-message-source"] = message.Source,
        },
    };
}
