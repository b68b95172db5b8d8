using System.Text;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub.Storage;
using Xunit;

namespace Ingest.Tests.LocalHub;

/// <summary>Messages as AMQP.Net Lite encodes and decodes them.</summary>
internal static class Messages
{
    /// <summary>A message with a body of so many bytes and nothing else.</summary>
    public static byte[] OfLength(int length) => Bytes(new Message { BodySection = new Data { Binary = new byte[length] } });

    /// <summary>A message with every section, and these annotations.</summary>
    public static byte[] Full(params (string Name, object Value)[] annotations)
    {
        var message = new Message
        {
            Header = new Header { Durable = true },
            DeliveryAnnotations = new DeliveryAnnotations(),
            MessageAnnotations = new MessageAnnotations(),
            Properties = new Properties { MessageId = "m-1" },
            ApplicationProperties = new ApplicationProperties { ["site"] = "north" },
            BodySection = new Data { Binary = Encoding.UTF8.GetBytes("{}") },
            Footer = new Footer(),
        };
        message.DeliveryAnnotations[new Symbol("hop")] = 1;
        message.Footer[new Symbol("sum")] = 2L;
        foreach (var (name, value) in annotations)
        {
            message.MessageAnnotations[new Symbol(name)] = value;
        }

        return Bytes(message);
    }

    /// <summary>A batch: a data section for each message.</summary>
    public static byte[] Batch(params byte[][] messages)
    {
        var sections = new DataList();
        foreach (var message in messages)
        {
            sections.Add(new Data { Binary = message });
        }

        return Bytes(new Message { BodySection = sections });
    }

    public static byte[] Bytes(Message message)
    {
        var encoded = message.Encode();
        return encoded.Buffer.AsSpan(encoded.Offset, encoded.Length).ToArray();
    }

    public static long Append(this PartitionLog log, int length) => log.Append(EncodedMessage.Parse(OfLength(length)), default);

    public static Message Read(this PartitionLog log, long sequenceNumber)
    {
        var found = sequenceNumber;
        Assert.True(log.TryRead(ref found, out var bytes));
        Assert.Equal(sequenceNumber, found);
        return Message.Decode(new ByteBuffer([.. bytes], 0, bytes.Count, bytes.Count));
    }
}
