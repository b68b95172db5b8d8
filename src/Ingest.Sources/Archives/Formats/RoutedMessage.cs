using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Sources.Archives.Formats;

/// <summary>A record that IoT Hub's message routing wrote, whatever the format.</summary>
internal struct RoutedMessage
{
    /// <summary>The entry of <c>SystemProperties</c> that is IoT Hub's stamp.</summary>
    public const string Stamp = "enqueuedTime";

    private SystemProperties _system;
    private bool _stamped;

    /// <summary>The field <c>EnqueuedTimeUtc</c>: IoT Hub's own stamp.</summary>
    public object? EnqueuedTime { get; set; }

    public ReadOnlyMemory<byte> Body { get; set; }

    /// <summary>The application properties.</summary>
    public Dictionary<string, object?>? Properties { get; set; }

    public readonly string? ContentType => _system.ContentType;

    public readonly string? ContentEncoding => _system.ContentEncoding;

    /// <summary>Whether an entry of <c>SystemProperties</c> is of use; the others need not be read.</summary>
    public static bool Wants(string name) => name is Stamp or "connectionDeviceId" or "connectionModuleId" or "messageSource"
        or "contentType" or "contentEncoding" or "messageId";

    /// <summary>Takes an entry of <c>SystemProperties</c>.</summary>
    public void Set(string name, object? value)
    {
        _stamped |= name == Stamp && value is not null;
        _system.Set(name, value);
    }

    /// <summary>All of it, once every field is taken.</summary>
    public readonly SystemProperties ToSystem(MessageContext context)
    {
        var system = _system;
        if (context.Fields.TimeSource == TimeSource.EventHub && !context.AcceptOtherStamps)
        {
            throw new OtherStampsException(
                "Telemetry:TimeSource is EventHub, and an archive that IoT Hub's routing wrote holds IoT Hub's stamps alone");
        }

        if (!_stamped)
        {
            system.Set(Stamp, EnqueuedTime);
        }

        // The one stamp there is: it bounds the accepted time as a hub's does.
        system.Set("EnqueuedTimeUtc", system.Stamp(TimeSource.IotHub));

        // Routed twin changes and lifecycle events do not carry their source, but these two.
        if (system.MessageSource is null
            && Properties is not null
            && Properties.ContainsKey("opType")
            && Properties.TryGetValue("iothub-message-schema", out var schema))
        {
            system.Set("messageSource", schema);
        }

        return system;
    }
}
