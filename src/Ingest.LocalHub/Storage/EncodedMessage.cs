using System.Buffers.Binary;
using Amqp;

namespace Ingest.LocalHub.Storage;

/// <summary>
/// The parts of an encoded AMQP message that the hub cares about, found without decoding it: the entries of its message annotations, and
/// all that follows them (properties, application properties, body, footer), which is kept byte for byte.
/// </summary>
internal readonly ref struct EncodedMessage
{
    private const byte SmallULong = 0x53;
    private const byte LargeULong = 0x80;
    private const byte HeaderSection = 0x70;
    private const byte DeliveryAnnotationsSection = 0x71;
    private const byte MessageAnnotationsSection = 0x72;
    private const byte DataSection = 0x75;
    private const byte FooterSection = 0x78;

    // A section has one; what nests them without end would only exhaust the stack.
    private const int MostNestedDescriptors = 8;

    private EncodedMessage(ReadOnlySpan<byte> annotations, ReadOnlySpan<byte> rest)
    {
        Annotations = annotations;
        Rest = rest;
    }

    /// <summary>The encoded entries of the message annotations: key, value, key, value, …</summary>
    public ReadOnlySpan<byte> Annotations { get; }

    public ReadOnlySpan<byte> Rest { get; }

    /// <exception cref="AmqpException">The bytes are no AMQP message.</exception>
    public static EncodedMessage Parse(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> annotations = default;
        var remaining = message;
        while (TryTakeFront(ref remaining, ref annotations))
        {
        }

        EnsureWhole(remaining);
        return new EncodedMessage(annotations, remaining);
    }

    /// <summary>
    /// What can be read of a message's annotations, and all that follows them: no bytes are refused, as a hub that looks no further than it
    /// needs to would take them.
    /// </summary>
    public static EncodedMessage ParseReadablePart(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> annotations = default;
        var remaining = message;
        try
        {
            while (TryTakeFront(ref remaining, ref annotations))
            {
            }
        }
        catch (AmqpException)
        {
            // From here on it is kept as it is.
        }

        return new EncodedMessage(annotations, remaining);
    }

    /// <summary>Takes the next data section's bytes off a batch, past what else its message has; false at its end.</summary>
    public static bool TryTakeData(scoped ref ReadOnlySpan<byte> sections, out ReadOnlySpan<byte> data)
    {
        while (sections.Length > 0)
        {
            var section = ReadSectionCode(ref sections);
            var value = TakeValue(ref sections);
            if (section == DataSection)
            {
                data = Content(value);
                return true;
            }
        }

        data = default;
        return false;
    }

    /// <summary>Takes the next key and its value off the annotations; false at their end.</summary>
    public static bool TryTakeEntry(
        scoped ref ReadOnlySpan<byte> annotations, out ReadOnlySpan<byte> entry, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        entry = annotations;
        if (annotations.Length == 0)
        {
            name = value = default;
            return false;
        }

        var key = TakeValue(ref annotations);
        name = IsVariable(key[0]) ? Content(key) : default;
        value = TakeValue(ref annotations);
        entry = entry[..(entry.Length - annotations.Length)];
        return true;
    }

    /// <summary>The bytes of a string, symbol or binary value; empty for any other value.</summary>
    public static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> value) => IsVariable(value[0]) ? Content(value) : default;

    // Takes a section that stands before the properties; false where there is none. Where it cannot be read, nothing is taken.
    private static bool TryTakeFront(scoped ref ReadOnlySpan<byte> bytes, scoped ref ReadOnlySpan<byte> annotations)
    {
        if (bytes.Length == 0)
        {
            return false;
        }

        var remaining = bytes;
        var section = ReadSectionCode(ref remaining);
        if (section is not (HeaderSection or DeliveryAnnotationsSection or MessageAnnotationsSection))
        {
            return false;
        }

        var value = TakeValue(ref remaining);
        if (section == MessageAnnotationsSection)
        {
            annotations = MapEntries(value);
        }

        bytes = remaining;
        return true;
    }

    private static void EnsureWhole(ReadOnlySpan<byte> sections)
    {
        while (sections.Length > 0)
        {
            var section = ReadSectionCode(ref sections);
            if (section is <= MessageAnnotationsSection or > FooterSection)
            {
                throw Malformed($"section 0x{section:x2} does not stand where a message may have it");
            }

            TakeValue(ref sections);
        }
    }

    private static byte ReadSectionCode(scoped ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= 3 && bytes[0] == 0 && bytes[1] == SmallULong)
        {
            var code = bytes[2];
            bytes = bytes[3..];
            return code;
        }

        if (bytes.Length >= 10 && bytes[0] == 0 && bytes[1] == LargeULong)
        {
            var code = BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]);
            bytes = bytes[10..];
            return code <= byte.MaxValue ? (byte)code : throw Malformed("the section is unknown");
        }

        throw Malformed("no section starts here");
    }

    private static ReadOnlySpan<byte> MapEntries(ReadOnlySpan<byte> map)
    {
        // The size comes first and then the count, each in one byte or in four.
        var start = map[0] switch
        {
            0x40 => 1,
            0xc1 => 3,
            0xd1 => 9,
            _ => throw Malformed("message annotations are a map"),
        };
        if (start > map.Length)
        {
            throw Malformed("the map of message annotations has no count");
        }

        // Readable to the last entry, as nothing may go wrong any more once the message has its place in a partition.
        var entries = map[start..];
        var check = entries;
        while (TryTakeEntry(ref check, out _, out _, out _))
        {
        }

        return entries;
    }

    private static bool IsVariable(byte format) => (format & 0xf0) is 0xa0 or 0xb0;

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> variable) => (variable[0] & 0xf0) switch
    {
        0xa0 => variable[2..],
        0xb0 => variable[5..],
        _ => throw Malformed("a data section holds binary"),
    };

    private static ReadOnlySpan<byte> TakeValue(scoped ref ReadOnlySpan<byte> bytes)
    {
        var length = ValueLength(bytes, nested: 0);
        if (length > bytes.Length)
        {
            throw Malformed("it ends within a value");
        }

        var value = bytes[..(int)length];
        bytes = bytes[(int)length..];
        return value;
    }

    /// <summary>
    /// The length that the value at the start claims to have: at least what is needed to tell it, and maybe more than there is.
    /// </summary>
    private static long ValueLength(ReadOnlySpan<byte> bytes, int nested)
    {
        if (bytes.Length == 0)
        {
            throw Malformed("it ends where a value should be");
        }

        if (bytes[0] == 0)
        {
            if (nested == MostNestedDescriptors)
            {
                throw Malformed("its descriptors are nested too deep");
            }

            var described = 1 + ValueLength(bytes[1..], nested + 1);
            return described >= bytes.Length ? described + 1 : described + ValueLength(bytes[(int)described..], nested + 1);
        }

        // The high half of a format code tells how a value's length is found (AMQP 1.0, part 1, section 1.2).
        return (bytes[0] >> 4) switch
        {
            0x4 => 1,
            0x5 => 2,
            0x6 => 3,
            0x7 => 5,
            0x8 => 9,
            0x9 => 17,
            0xa or 0xc or 0xe => 2L + (bytes.Length < 2 ? 0 : bytes[1]),
            0xb or 0xd or 0xf => 5L + (bytes.Length < 5 ? 0 : BinaryPrimitives.ReadUInt32BigEndian(bytes[1..])),
            _ => throw Malformed($"0x{bytes[0]:x2} is no format code"),
        };
    }

    private static AmqpException Malformed(string reason) => new(ErrorCode.DecodeError, $"The message cannot be read: {reason}.");
}
