namespace Ingest.Sources.EventHubs;

/// <summary>A message to send.</summary>
public sealed class HubMessage
{
    /// <summary>The body's bytes.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The AMQP property <c>content-type</c>.</summary>
    public string? ContentType { get; init; }

    /// <summary>The AMQP property <c>content-encoding</c>.</summary>
    public string? ContentEncoding { get; init; }

    /// <summary>The AMQP property <c>message-id</c>.</summary>
    public string? MessageId { get; init; }

    /// <summary>Application properties, of the CLR types AMQP has a type for; null for none.</summary>
    public IReadOnlyDictionary<string, object?>? Properties { get; init; }

    /// <summary>
    /// Message annotations; null for none. What IoT Hub would say about a message, said by a simulated device: <c>iothub-connection-device-id</c>,
    /// <c>iothub-enqueuedtime</c> (a UTC <see cref="DateTime"/>), <c>iothub-message-source</c>.
    /// </summary>
    public IReadOnlyDictionary<string, object?>? Annotations { get; init; }
}
