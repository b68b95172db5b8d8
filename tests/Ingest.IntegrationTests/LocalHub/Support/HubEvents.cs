using System.Globalization;
using System.Text;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub;

namespace Ingest.IntegrationTests.LocalHub.Support;

/// <summary>Messages to send, and what to read off those that come back.</summary>
internal static class HubEvents
{
    public static Message Of(string body, string? device = null)
    {
        var message = new Message { BodySection = new Data { Binary = Encoding.UTF8.GetBytes(body) } };
        if (device is not null)
        {
            Annotate(message, "iothub-connection-device-id", device);
        }

        return message;
    }

    public static void Annotate(Message message, string name, object value)
    {
        message.MessageAnnotations ??= new MessageAnnotations();
        message.MessageAnnotations[new Symbol(name)] = value;
    }

    public static object? Annotation(Message message, string name) => message.MessageAnnotations.Map[new Symbol(name)];

    public static long SequenceNumber(Message message) => (long)Annotation(message, "x-opt-sequence-number")!;

    public static string Body(Message message) => Encoding.UTF8.GetString(((Data)message.BodySection).Binary);

    /// <summary>Appends events with the bodies "0", "1", … to a partition.</summary>
    public static void Append(LocalEventHub hub, string partition, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var encoded = Of(i.ToString(CultureInfo.InvariantCulture)).Encode();
            hub.Append(partition, encoded.Buffer.AsSpan(encoded.Offset, encoded.Length));
        }
    }
}
