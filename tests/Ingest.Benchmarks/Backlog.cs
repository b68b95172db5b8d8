using System.Globalization;
using System.Text;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub;

namespace Ingest.Benchmarks;

/// <summary>What devices have sent while nobody read: messages with all that IoT Hub says about one, and bodies of 120 bytes.</summary>
internal static class Backlog
{
    private const int Devices = 1_000;
    private const int BodyLength = 120;
    private const int EventsPerMillisecond = 10;

    private static readonly Symbol DeviceId = "iothub-connection-device-id";
    private static readonly Symbol AuthMethod = "iothub-connection-auth-method";
    private static readonly Symbol GenerationId = "iothub-connection-auth-generation-id";
    private static readonly Symbol EnqueuedTime = "iothub-enqueuedtime";
    private static readonly Symbol MessageSource = "iothub-message-source";

    /// <summary>Fills the hub: each device in one partition, the stamps in order, no two of a device alike.</summary>
    public static void Fill(LocalEventHub hub, int events)
    {
        var partitions = hub.Partitions.Select(partition => partition.Id).ToList();
        var start = TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(-events / EventsPerMillisecond);
        Parallel.For(0, partitions.Count, partition =>
        {
            for (var number = 0; number < events; number++)
            {
                var device = number % Devices;
                if (device % partitions.Count == partition)
                {
                    var message = Message(device, number, start.AddMilliseconds(number / EventsPerMillisecond));
                    hub.Append(partitions[partition], message.Buffer.AsSpan(message.Offset, message.Length));
                }
            }
        });
    }

    private static ByteBuffer Message(int device, int number, DateTime stamp)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"device-{device:d4}");
        var message = new Message
        {
            MessageAnnotations = new MessageAnnotations(),
            Properties = new Properties { ContentType = "application/json", ContentEncoding = "utf-8" },
            BodySection = new Data { Binary = Body(name, number) },
        };
        var annotations = message.MessageAnnotations.Map;
        annotations[DeviceId] = name;
        annotations[AuthMethod] = """{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}""";
        annotations[GenerationId] = "638000000000000000";
        annotations[EnqueuedTime] = stamp;
        annotations[MessageSource] = "Telemetry";
        return message.Encode();
    }

    private static byte[] Body(string device, int number)
    {
        var body = string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"device":"{{device}}","temperature":{{(15_000 + (number * 31L % 10_000)) / 1_000.0}},"humidity":{{(4_000 + (number * 17L % 2_000)) / 100.0}},"battery":3.71,"status":" """).TrimEnd();
        return Encoding.UTF8.GetBytes(body + new string('k', BodyLength - body.Length - 2) + "\"}");
    }
}
