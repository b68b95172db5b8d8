using System.Text;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Sources.EventHubs;

/// <summary>Turns a partition's AMQP messages into events. Not thread-safe: one a partition, as names are shared between its events.</summary>
internal sealed class EventMapping(string hub, string partition, TimeSource timeSource)
{
    private const int MostNames = 100_000;

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <exception cref="HubException">The message has no place in the partition: the endpoint is no event hub.</exception>
    public RawEvent ToEvent(Message message)
    {
        var system = new SystemProperties();
        if (message.MessageAnnotations is { } annotations)
        {
            foreach (var (key, value) in annotations.Map)
            {
                system.Set(key.ToString()!, value is string text ? Shared(text, key) : value);
            }
        }

        if (message.Properties is { } properties)
        {
            system.Set("message-id", properties.GetMessageId());
            system.Set("content-type", Shared(properties.ContentType?.ToString()));
            system.Set("content-encoding", Shared(properties.ContentEncoding?.ToString()));
        }

        if (system.Offset is null || system.SequenceNumber is null)
        {
            throw new HubException(
                HubFailure.Misconfigured, $"{hub} sent a message without offset or sequence number: it is no Event Hubs-compatible endpoint.");
        }

        return system.ToEvent(hub, partition, timeSource, Body(message), ApplicationProperties(message));
    }

    private static Dictionary<string, object?>? ApplicationProperties(Message message)
    {
        if (message.ApplicationProperties?.Map is not { Count: > 0 } map)
        {
            return null;
        }

        var properties = new Dictionary<string, object?>(map.Count, StringComparer.Ordinal);
        foreach (var (key, value) in map)
        {
            properties[key.ToString()!] = value is Symbol symbol ? symbol.ToString() : value;
        }

        return properties;
    }

    private static ReadOnlyMemory<byte> Body(Message message) => message.BodySection switch
    {
        null => default,
        Data data => Bytes(data),
        DataList sections => Joined(sections),
        AmqpValue { Value: string text } => Encoding.UTF8.GetBytes(text),
        AmqpValue { Value: byte[] bytes } => bytes,
        // Nothing a device's JSON arrives as. Kept as it came, so that the dead letter holds it whole.
        var other => Encoded(other),
    };

    // The frame's own bytes: the library does not reuse them, so nothing is copied.
    private static ReadOnlyMemory<byte> Bytes(Data data) =>
        data.Buffer is { } buffer ? buffer.Buffer.AsMemory(buffer.Offset, buffer.Length) : data.Binary;

    private static byte[] Joined(DataList sections)
    {
        var joined = new MemoryStream();
        for (var i = 0; i < sections.Count; i++)
        {
            joined.Write(Bytes(sections[i]).Span);
        }

        return joined.ToArray();
    }

    private static ReadOnlyMemory<byte> Encoded(RestrictedDescribed section)
    {
        var encoded = new Message { BodySection = section }.Encode();
        return encoded.Buffer.AsMemory(encoded.Offset, encoded.Length);
    }

    // Offsets never repeat; everything else that is text does.
    private string Shared(string text, object key) => key.ToString() == "x-opt-offset" ? text : Shared(text)!;

    private string? Shared(string? text)
    {
        if (text is null)
        {
            return null;
        }

        if (_names.TryGetValue(text, out var shared))
        {
            return shared;
        }

        if (_names.Count == MostNames)
        {
            _names.Clear();
        }

        _names[text] = text;
        return text;
    }
}
