namespace Ingest.Events;

/// <summary>A message as IoT Hub handed it over: the bytes of its body and what the hub says about it.</summary>
public sealed class RawEvent
{
    internal static readonly IReadOnlyDictionary<string, object?> NoProperties = new Dictionary<string, object?>();

    /// <summary>The event hub the message was read from, as <c>host/name</c>; an archive's name in a replay from files.</summary>
    public required string Hub { get; init; }

    /// <summary>The partition's id.</summary>
    public required string Partition { get; init; }

    /// <summary>The offset in the partition (annotation <c>x-opt-offset</c>), or null where the source has none.</summary>
    public string? Offset { get; init; }

    /// <summary>
    /// The sequence number in the partition (annotation <c>x-opt-sequence-number</c>), or null where the source has none.
    /// </summary>
    public long? SequenceNumber { get; init; }

    /// <summary>
    /// The row's time: the stamp of IoT Hub in UTC, floored to the millisecond. Null where the source gave none that could be read;
    /// such a message is dead-lettered.
    /// </summary>
    public DateTime? RowTime { get; init; }

    /// <summary>Whether IoT Hub itself stamped the message, and not only the event hub that it is in.</summary>
    public bool IsStampedByIotHub { get; init; }

    /// <summary>
    /// The event hub's own stamp (annotation <c>x-opt-enqueued-time</c>) in UTC, or null where the source has none. It is what reading by
    /// time goes by, and what bounds the accepted time when the local clock is wrong; never the row's time where IoT Hub stamped one.
    /// </summary>
    public DateTime? EnqueuedTime { get; init; }

    /// <summary>The device IoT Hub authenticated (annotation <c>iothub-connection-device-id</c>).</summary>
    public string? DeviceId { get; init; }

    /// <summary>The module of that device (annotation <c>iothub-connection-module-id</c>).</summary>
    public string? ModuleId { get; init; }

    /// <summary>
    /// What sent the message (annotation <c>iothub-message-source</c>): <c>Telemetry</c>, <c>deviceLifecycleEvents</c>, …; null on a plain
    /// event hub.
    /// </summary>
    public string? MessageSource { get; init; }

    /// <summary>The AMQP property <c>content-type</c>.</summary>
    public string? ContentType { get; init; }

    /// <summary>The AMQP property <c>content-encoding</c>.</summary>
    public string? ContentEncoding { get; init; }

    /// <summary>The AMQP property <c>message-id</c>, as text.</summary>
    public string? MessageId { get; init; }

    /// <summary>The application properties, with the CLR type each AMQP type maps to.</summary>
    public IReadOnlyDictionary<string, object?> Properties { get; init; } = NoProperties;

    /// <summary>Of the annotations those that are mapped (<see cref="EventFields.Annotations"/>).</summary>
    public IReadOnlyDictionary<string, object?> Annotations { get; init; } = NoProperties;

    /// <summary>
    /// Why the message cannot be read as AMQP, or null. It is then dead-lettered whole: <see cref="Body"/> holds all of the message's
    /// bytes, and what else is known of it comes from the annotations in front of them.
    /// </summary>
    public string? Undecodable { get; init; }

    /// <summary>Which of its dead letters are tried again; null for a message from a source.</summary>
    internal Retrial? Retrial { get; init; }

    /// <summary>The body's bytes. Valid until the batch it belongs to has been processed.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }
}
