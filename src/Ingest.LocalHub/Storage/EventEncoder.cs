using System.Buffers.Binary;
using System.Buffers.Text;

namespace Ingest.LocalHub.Storage;

/// <summary>
/// Writes a message as a reader will get it: the annotations of its sender, those which the hub adds, and the rest byte for byte.
/// The hub's own (sequence number, offset, enqueued time) replace what a sender may have set; of IoT Hub's, only missing ones are added.
/// </summary>
internal static class EventEncoder
{
    // All names and values that the hub may add, with their codes and lengths, fit in it.
    private const int OwnAnnotationsLength = 320;

    private static ReadOnlySpan<byte> SequenceNumberName => "x-opt-sequence-number"u8;
    private static ReadOnlySpan<byte> OffsetName => "x-opt-offset"u8;
    private static ReadOnlySpan<byte> EnqueuedTimeName => "x-opt-enqueued-time"u8;
    private static ReadOnlySpan<byte> PartitionKeyName => "x-opt-partition-key"u8;
    private static ReadOnlySpan<byte> DeviceName => "iothub-connection-device-id"u8;
    private static ReadOnlySpan<byte> DeviceTimeName => "iothub-enqueuedtime"u8;
    private static ReadOnlySpan<byte> MessageSourceName => "iothub-message-source"u8;

    public static int MaxLength(in EncodedMessage message, ReadOnlySpan<byte> partitionKey) =>
        message.Annotations.Length + message.Rest.Length + partitionKey.Length + OwnAnnotationsLength;

    /// <summary>
    /// What decides the message's partition: its partition key, else the device it came from, as IoT Hub partitions by device.
    /// Empty where it has neither.
    /// </summary>
    public static ReadOnlySpan<byte> RoutingKey(in EncodedMessage message)
    {
        ReadOnlySpan<byte> device = default;
        var annotations = message.Annotations;
        while (EncodedMessage.TryTakeEntry(ref annotations, out _, out var name, out var value))
        {
            if (name.SequenceEqual(PartitionKeyName))
            {
                return EncodedMessage.Text(value);
            }

            if (name.SequenceEqual(DeviceName))
            {
                device = EncodedMessage.Text(value);
            }
        }

        return device;
    }

    /// <param name="message">The message as it was sent.</param>
    /// <param name="batchKey">The partition key of the batch it came in, set on it where it has none itself; empty for none.</param>
    /// <param name="sequenceNumber">Its place in the partition.</param>
    /// <param name="now">The stamp, milliseconds since 1970.</param>
    /// <param name="destination">At least <see cref="MaxLength"/> long.</param>
    /// <returns>The bytes written.</returns>
    public static int Encode(in EncodedMessage message, ReadOnlySpan<byte> batchKey, long sequenceNumber, long now, Span<byte> destination)
    {
        const int MapStart = 12;
        destination[0] = 0x00;
        destination[1] = 0x53;
        destination[2] = 0x72;
        destination[3] = 0xd1;
        var writer = new Writer(destination[MapStart..]);

        var hasKey = false;
        var hasDevice = false;
        var hasDeviceTime = false;
        var hasSource = false;
        var annotations = message.Annotations;
        while (EncodedMessage.TryTakeEntry(ref annotations, out var entry, out var name, out _))
        {
            if (name.SequenceEqual(SequenceNumberName) || name.SequenceEqual(OffsetName) || name.SequenceEqual(EnqueuedTimeName))
            {
                continue;
            }

            hasKey |= name.SequenceEqual(PartitionKeyName);
            hasDevice |= name.SequenceEqual(DeviceName);
            hasDeviceTime |= name.SequenceEqual(DeviceTimeName);
            hasSource |= name.SequenceEqual(MessageSourceName);
            writer.Entry(entry);
        }

        writer.Long(SequenceNumberName, sequenceNumber);
        writer.Digits(OffsetName, HubOffset.Of(sequenceNumber));
        writer.Timestamp(EnqueuedTimeName, now);
        if (!hasKey && batchKey.Length > 0)
        {
            writer.String(PartitionKeyName, batchKey);
        }

        if (hasDevice && !hasDeviceTime)
        {
            writer.Timestamp(DeviceTimeName, now);
        }

        if (hasDevice && !hasSource)
        {
            writer.String(MessageSourceName, "Telemetry"u8);
        }

        BinaryPrimitives.WriteInt32BigEndian(destination[4..], writer.Length + sizeof(int));
        BinaryPrimitives.WriteInt32BigEndian(destination[8..], writer.Count);
        message.Rest.CopyTo(destination[(MapStart + writer.Length)..]);
        return MapStart + writer.Length + message.Rest.Length;
    }

    private ref struct Writer(Span<byte> destination)
    {
        private readonly Span<byte> _destination = destination;

        public int Length { get; private set; }

        public int Count { get; private set; }

        public void Entry(scoped ReadOnlySpan<byte> entry)
        {
            Raw(entry);
            Count += 2;
        }

        public void Long(scoped ReadOnlySpan<byte> name, long value) => Fixed(name, 0x81, value);

        public void Timestamp(scoped ReadOnlySpan<byte> name, long value) => Fixed(name, 0x83, value);

        public void Digits(scoped ReadOnlySpan<byte> name, long value)
        {
            Span<byte> digits = stackalloc byte[20];
            Utf8Formatter.TryFormat(value, digits, out var length);
            String(name, digits[..length]);
        }

        public void String(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
        {
            Name(name);
            if (value.Length <= byte.MaxValue)
            {
                _destination[Length] = 0xa1;
                _destination[Length + 1] = (byte)value.Length;
                Length += 2;
            }
            else
            {
                _destination[Length] = 0xb1;
                BinaryPrimitives.WriteInt32BigEndian(_destination[(Length + 1)..], value.Length);
                Length += 5;
            }

            Raw(value);
        }

        private void Fixed(scoped ReadOnlySpan<byte> name, byte format, long value)
        {
            Name(name);
            _destination[Length] = format;
            BinaryPrimitives.WriteInt64BigEndian(_destination[(Length + 1)..], value);
            Length += 9;
        }

        private void Name(scoped ReadOnlySpan<byte> name)
        {
            _destination[Length] = 0xa3;
            _destination[Length + 1] = (byte)name.Length;
            Length += 2;
            Raw(name);
            Count += 2;
        }

        private void Raw(scoped ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_destination[Length..]);
            Length += bytes.Length;
        }
    }
}
