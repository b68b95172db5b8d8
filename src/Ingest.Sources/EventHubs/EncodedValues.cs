using System.Buffers.Binary;
using System.Text;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Takes values off AMQP's encoding front to back without trusting it: lengths, counts and nesting may say anything, nothing throws, and
/// the work is bounded by the bytes there are (AMQP 1.0, part 1, section 1.2).
/// </summary>
internal ref struct EncodedValues(ReadOnlySpan<byte> bytes)
{
    private const byte Described = 0x00;
    private const byte Null = 0x40;
    private const byte List0 = 0x45;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether nothing is left.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Takes a section's descriptor; the section's value is next. False, and nothing taken, where none is there.</summary>
    public bool TryTakeSection(out ulong code)
    {
        var after = _rest;
        if (after.Length >= 3 && after[0] == Described && after[1] == 0x53)
        {
            code = after[2];
            _rest = after[3..];
            return true;
        }

        if (after.Length >= 10 && after[0] == Described && after[1] == 0x80)
        {
            code = BinaryPrimitives.ReadUInt64BigEndian(after[2..]);
            _rest = after[10..];
            return true;
        }

        code = 0;
        return false;
    }

    /// <summary>Takes a value, whatever it is. False where it does not end within the bytes.</summary>
    public bool TryTake(out ReadOnlySpan<byte> value)
    {
        var start = _rest;
        value = default;

        // A described value is two: descriptor and value.
        for (var left = 1L; left > 0; left--)
        {
            if (_rest.IsEmpty)
            {
                return false;
            }

            if (_rest[0] == Described)
            {
                left += 2;
                _rest = _rest[1..];
                continue;
            }

            if (LengthOf(_rest) is not { } length || length > _rest.Length)
            {
                return false;
            }

            _rest = _rest[(int)length..];
        }

        value = start[..(start.Length - _rest.Length)];
        return true;
    }

    /// <summary>Takes a map and gives what is in it, as far as it is there; how many entries it claims to have does not matter.</summary>
    public readonly bool TryEnterMap(out EncodedValues entries)
    {
        var start = _rest is [0xc1, ..] ? 3 : 9;
        if (_rest is not [0xc1 or 0xd1, ..] || start > _rest.Length)
        {
            entries = default;
            return false;
        }

        var end = Math.Min(_rest.Length, LengthOf(_rest) ?? 0);
        entries = new EncodedValues(end < start ? default : _rest[start..(int)end]);
        return true;
    }

    /// <summary>
    /// Whether lists, maps and descriptors lie in each other more than so many levels deep. Read as a decoder reads them: by their counts,
    /// not by their sizes. Arrays are passed over: decoders bound those themselves.
    /// </summary>
    public static bool IsDeeperThan(int levels, ReadOnlySpan<byte> bytes)
    {
        Span<uint> left = new uint[levels + 1];
        var depth = 0;
        var values = new EncodedValues(bytes);
        while (!values._rest.IsEmpty)
        {
            if (values.TakeOne() is not { } nested)
            {
                return false;
            }

            if (nested > 0)
            {
                if (depth == levels)
                {
                    return true;
                }

                left[++depth] = nested;
                continue;
            }

            // The last value of what it lies in ends that too.
            while (depth > 0 && --left[depth] == 0)
            {
                depth--;
            }
        }

        return false;
    }

    /// <summary>The text of a string or symbol; null for any other value.</summary>
    public static string? Text(ReadOnlySpan<byte> value) =>
        value[0] is 0xa1 or 0xa3 or 0xb1 or 0xb3 ? Encoding.UTF8.GetString(Content(value)) : null;

    /// <summary>What an identifier, a number or a time is; a time as milliseconds since 1970. Null for what is none of them.</summary>
    public static object? Scalar(ReadOnlySpan<byte> value) => value[0] switch
    {
        0x43 or 0x44 => 0L,
        0x50 or 0x52 or 0x53 => (long)value[1],
        0x51 or 0x54 or 0x55 => (long)(sbyte)value[1],
        0x60 => (long)BinaryPrimitives.ReadUInt16BigEndian(value[1..]),
        0x61 => (long)BinaryPrimitives.ReadInt16BigEndian(value[1..]),
        0x70 => (long)BinaryPrimitives.ReadUInt32BigEndian(value[1..]),
        0x71 => (long)BinaryPrimitives.ReadInt32BigEndian(value[1..]),
        0x80 => BinaryPrimitives.ReadUInt64BigEndian(value[1..]),
        0x81 or 0x83 => BinaryPrimitives.ReadInt64BigEndian(value[1..]),
        0x98 => new Guid(value[1..], bigEndian: true),
        0xa0 or 0xb0 => Content(value).ToArray(),
        _ => Text(value),
    };

    // Takes one value, or the head of one that holds others, and says how many those are. Null where it cannot be read.
    private uint? TakeOne()
    {
        switch (_rest[0])
        {
            case Described:
                _rest = _rest[1..];
                return 2;
            case 0xc0 or 0xc1 when _rest.Length >= 3:
                var few = _rest[2];
                _rest = _rest[3..];
                return few;
            case 0xd0 or 0xd1 when _rest.Length >= 9:
                var many = BinaryPrimitives.ReadUInt32BigEndian(_rest[5..]);
                _rest = _rest[9..];
                return many;
            default:
                return TryTake(out _) ? 0 : null;
        }
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> variable) => variable[((variable[0] & 0xf0) == 0xa0 ? 2 : 5)..];

    // The high half of a format code tells how a value's length is found.
    private static long? LengthOf(ReadOnlySpan<byte> value) => (value[0] >> 4) switch
    {
        0x4 => value[0] is >= Null and <= List0 ? 1 : null,
        0x5 => 2,
        0x6 => 3,
        0x7 => 5,
        0x8 => 9,
        0x9 => 17,
        0xa or 0xc or 0xe when value.Length >= 2 => 2L + value[1],
        0xb or 0xd or 0xf when value.Length >= 5 => 5L + BinaryPrimitives.ReadUInt32BigEndian(value[1..]),
        _ => null,
    };
}
