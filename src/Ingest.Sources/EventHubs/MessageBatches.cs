using Amqp;
using Amqp.Framing;
using Amqp.Types;

namespace Ingest.Sources.EventHubs;

/// <summary>Packs messages into deliveries as Event Hubs takes them: one encoded message a data section.</summary>
internal static class MessageBatches
{
    private const uint BatchFormat = 0x80013700;

    // What the envelope and each section's header take at most, so that a full batch is not refused for its size.
    private const int EnvelopeBytes = 512;
    private const int SectionBytes = 8;

    private static readonly Symbol PartitionKeyAnnotation = "x-opt-partition-key";

    /// <summary>The messages in order, in as few deliveries as <paramref name="maxBytes"/> allows; a larger message is one of its own.</summary>
    public static IEnumerable<MessageBatch> Pack(IReadOnlyList<HubMessage> messages, string? partitionKey, long maxBytes)
    {
        var sections = new DataList();
        var size = (long)EnvelopeBytes;
        foreach (var message in messages)
        {
            var encoded = Encode(message, partitionKey);
            if (sections.Count > 0 && size + encoded.Length + SectionBytes > maxBytes)
            {
                yield return new MessageBatch(Envelope(sections, partitionKey), sections.Count);
                sections = new DataList();
                size = EnvelopeBytes;
            }

            sections.Add(new Data { Buffer = encoded });
            size += encoded.Length + SectionBytes;
        }

        if (sections.Count > 0)
        {
            yield return new MessageBatch(Envelope(sections, partitionKey), sections.Count);
        }
    }

    private static Message Envelope(DataList sections, string? partitionKey)
    {
        // A list of one is written as a single section all the same.
        var envelope = new Message { Format = BatchFormat, BodySection = sections.Count == 1 ? sections[0] : sections };
        if (partitionKey is not null)
        {
            envelope.MessageAnnotations = new MessageAnnotations { [PartitionKeyAnnotation] = partitionKey };
        }

        return envelope;
    }

    private static ByteBuffer Encode(HubMessage message, string? partitionKey)
    {
        var encoded = new Message { BodySection = new Data { Buffer = Buffer(message.Body) } };
        if (message.ContentType is not null || message.ContentEncoding is not null || message.MessageId is not null)
        {
            encoded.Properties = new Properties();
            if (message.MessageId is not null)
            {
                encoded.Properties.MessageId = message.MessageId;
            }

            if (message.ContentType is not null)
            {
                encoded.Properties.ContentType = message.ContentType;
            }

            if (message.ContentEncoding is not null)
            {
                encoded.Properties.ContentEncoding = message.ContentEncoding;
            }
        }

        if (message.Properties is { Count: > 0 } properties)
        {
            encoded.ApplicationProperties = new ApplicationProperties();
            foreach (var (name, value) in properties)
            {
                encoded.ApplicationProperties[name] = value;
            }
        }

        if (message.Annotations is { Count: > 0 } annotations)
        {
            encoded.MessageAnnotations = new MessageAnnotations();
            foreach (var (name, value) in annotations)
            {
                encoded.MessageAnnotations[new Symbol(name)] = value;
            }
        }

        if (partitionKey is not null)
        {
            (encoded.MessageAnnotations ??= new MessageAnnotations())[PartitionKeyAnnotation] = partitionKey;
        }

        return encoded.Encode();
    }

    private static ByteBuffer Buffer(ReadOnlyMemory<byte> body) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(body, out var array)
            ? new ByteBuffer(array.Array, array.Offset, array.Count, array.Count)
            : new ByteBuffer(body.ToArray(), 0, body.Length, body.Length);
}

/// <summary>One delivery.</summary>
/// <param name="Envelope">What is sent.</param>
/// <param name="Messages">How many messages it holds.</param>
internal readonly record struct MessageBatch(Message Envelope, int Messages);
