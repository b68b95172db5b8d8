using System.Text;
using Azure.Core.Amqp;
using Azure.Messaging.EventHubs;
using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Turns what Microsoft's client received into the pipeline's events: the one mapping of worker, replay and Function app. The body is not
/// copied, and text that repeats is kept once.
/// </summary>
/// <param name="hub">What the hub is called: <see cref="RawEvent.Hub"/>.</param>
/// <param name="partition">The partition's id.</param>
/// <param name="fields">What the pipeline asks for.</param>
/// <remarks>Not thread-safe where names are shared: one a partition.</remarks>
public sealed class EventMapping(string hub, string partition, EventFields fields)
{
    private readonly SharedNames _names = new();

    /// <summary>One message.</summary>
    public RawEvent ToEvent(EventData message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var raw = message.GetRawAmqpMessage();
        var system = new SystemProperties();
        Dictionary<string, object?>? annotations = null;
        foreach (var (name, value) in raw.MessageAnnotations)
        {
            if (IsSystemAnnotation(name))
            {
                system.Set(name, value is string text && name != "x-opt-offset" ? _names.Of(text) : value);
            }

            if (fields.Annotations.Count > 0 && fields.Annotations.Contains(name))
            {
                (annotations ??= new(StringComparer.OrdinalIgnoreCase))[name] = value is string known ? _names.Of(known) : value;
            }
        }

        if (raw.HasSection(AmqpMessageSection.Properties))
        {
            var properties = raw.Properties;
            system.Set("message-id", properties.MessageId?.ToString());
            system.Set("content-type", _names.Of(properties.ContentType));
            system.Set("content-encoding", _names.Of(properties.ContentEncoding));
        }

        return system.ToEvent(hub, partition, fields.TimeSource, Body(raw), ApplicationProperties(raw), annotations);
    }

    /// <summary>
    /// Whether an annotation is one that a hub sets: a sender may add others, under names that mean something in an archive.
    /// </summary>
    internal static bool IsSystemAnnotation(string name) =>
        name.StartsWith("x-opt-", StringComparison.Ordinal) || name.StartsWith("iothub-", StringComparison.Ordinal);

    private static IReadOnlyDictionary<string, object?>? ApplicationProperties(AmqpAnnotatedMessage message)
    {
        if (!message.HasSection(AmqpMessageSection.ApplicationProperties) || message.ApplicationProperties.Count == 0)
        {
            return null;
        }

        return message.ApplicationProperties as IReadOnlyDictionary<string, object?> ?? new Dictionary<string, object?>(
            message.ApplicationProperties!);
    }

    private static ReadOnlyMemory<byte> Body(AmqpAnnotatedMessage message)
    {
        if (message.Body.TryGetData(out var sections) && sections is not null)
        {
            return Joined(sections);
        }

        if (message.Body.TryGetValue(out var value))
        {
            switch (value)
            {
                case null:
                    return default;
                case string text:
                    return Encoding.UTF8.GetBytes(text);
                case byte[] bytes:
                    return bytes;
            }
        }

        // Nothing a device's JSON arrives as. Kept whole as AMQP encodes it; decoding says what is wrong with it.
        return message.ToBytes().ToMemory();
    }

    private static ReadOnlyMemory<byte> Joined(IEnumerable<ReadOnlyMemory<byte>> sections)
    {
        ReadOnlyMemory<byte> first = default;
        MemoryStream? joined = null;
        var count = 0;
        foreach (var section in sections)
        {
            if (++count == 1)
            {
                first = section;
                continue;
            }

            if (joined is null)
            {
                joined = new MemoryStream();
                joined.Write(first.Span);
            }

            joined.Write(section.Span);
        }

        return joined?.ToArray() ?? first;
    }
}
