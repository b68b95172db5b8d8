using System.Buffers.Binary;
using System.Text;
using Ingest.TestSupport.Poison;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>A message in AMQP's encoding, or what pretends to be one.</summary>
/// <param name="Bytes">All of it.</param>
/// <param name="Stamp">The stamp in annotations that can be read, by which it must be found; null where the annotations themselves are odd.</param>
internal sealed record MadeMessage(byte[] Bytes, DateTime? Stamp);

/// <summary>
/// Makes messages out of AMQP's own grammar: any sections in any order, of values of every type that AMQP has and of some that it has not, nested, described,
/// with lengths and counts that are right or lie, cut off or followed by what does not belong there. Most are a device's, behind the annotations that the hub
/// writes; the others an endpoint's, whose annotations are as odd as all the rest. The same seed gives the same messages.
/// </summary>
internal sealed class AmqpMessageMaker(int seed)
{
    private const int Deepest = 6;

    private static readonly DateTime Start = new(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc);
    private static readonly byte[] Fixed = [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x60, 0x61, 0x70, 0x71, 0x72, 0x80, 0x81, 0x82, 0x83, 0x98];

    // Decimal numbers and characters: any bytes are seldom one that .NET has.
    private static readonly byte[] FixedAndNarrow = [.. Fixed, 0x73, 0x74, 0x84, 0x94];

    private static readonly string[] Sections = ["header", "delivery-annotations", "message-annotations", "properties", "application-properties", "data", "amqp-sequence", "amqp-value", "footer"];

    private readonly Random _random = new(seed);
    private int _messages;
    private int _calm;

    /// <summary>The next one.</summary>
    public MadeMessage Next()
    {
        var stamp = Start.AddMilliseconds(_messages++);
        _calm = Pick(1, 10, 100);
        var isEndpoints = _random.Next(5) == 0;
        var rest = Damaged(Rest(isEndpoints));
        return isEndpoints ? new([.. Section(AmqpBytes.MessageAnnotations, OddAnnotations()), .. rest], null) : new([.. Annotations(stamp), .. rest], stamp);
    }

    /// <summary>
    /// A frame that a hub might send: any performative but a transfer, on any channel, with fields of any type, or what is no frame. What is transferred is the
    /// hub's word, against which nothing can be checked.
    /// </summary>
    public byte[] NextFrame()
    {
        _calm = Pick(1, 10);
        var performative = Pick<byte>(0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x17, 0x18, 0x40, 0x41, 0x44, (byte)_random.Next(0x45, 0x100));
        var fields = Odd(5) ? Value(0) : Compound(isMap: false, [.. Enumerable.Range(0, _random.Next(15)).Select(_ => Odd(3) ? Value(1) : [Pick<byte>(0x40, 0x41, 0x42, 0x43)])]);
        byte[] body = Odd(10) ? Bytes(_random.Next(60)) : [.. Section(performative, fields), .. Odd(10) ? Bytes(_random.Next(30)) : []];
        var frame = new byte[8 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, Lie32(frame.Length));
        frame[4] = (byte)(Odd(10) ? _random.Next(256) : 2);
        frame[5] = (byte)(Odd(10) ? _random.Next(4) : 0);
        frame[7] = (byte)_random.Next(Odd(5) ? 256 : 4);
        body.CopyTo(frame.AsSpan(8));
        return frame;
    }

    private static byte[] Annotations(DateTime stamp) => AmqpBytes.Section(AmqpBytes.MessageAnnotations, AmqpBytes.Map(
        AmqpBytes.Symbol("iothub-connection-device-id"), AmqpBytes.Text(AmqpPoison.Device),
        AmqpBytes.Symbol("iothub-enqueuedtime"), AmqpBytes.Timestamp(new DateTimeOffset(stamp).ToUnixTimeMilliseconds()),
        AmqpBytes.Symbol("iothub-message-source"), AmqpBytes.Text("Telemetry")));

    private byte[] OddAnnotations()
    {
        if (_random.Next(4) == 0)
        {
            return Value(0);
        }

        string[] names = ["iothub-connection-device-id", "iothub-connection-module-id", "iothub-enqueuedtime", "iothub-message-source", "x-opt-partition-key", "x-opt-publisher", "any"];
        return AmqpBytes.Map([.. Enumerable.Range(0, _random.Next(6)).SelectMany(_ => new[] { Odd(4) ? Value(1) : AmqpBytes.Symbol(names[_random.Next(names.Length)]), Value(1) })]);
    }

    private byte[] Rest(bool isEndpoints)
    {
        var sections = new List<byte[]>();
        if (_random.Next(2) == 0)
        {
            sections.Add(Section(AmqpBytes.Properties, Odd(6) ? Value(0) : Compound(isMap: false, [.. Enumerable.Range(0, _random.Next(15)).Select(PropertyField)])));
        }

        if (_random.Next(2) == 0)
        {
            sections.Add(Section(AmqpBytes.ApplicationProperties, Odd(6) ? Value(0) : Compound(isMap: true, [.. Enumerable.Range(0, _random.Next(5)).SelectMany(_ => new[] { Odd(5) ? Value(1) : Text(0xa1), Value(Odd(2) ? 0 : Deepest) })])));
        }

        sections.Add(BodySection());
        for (var more = _random.Next(8) == 0 ? _random.Next(4) : 0; more > 0; more--)
        {
            // A device's message has no second annotations: the hub writes them, and takes none from it.
            var code = (byte)_random.Next(0x6f, 0x7b);
            sections.Add(Section(code == AmqpBytes.MessageAnnotations && !isEndpoints ? AmqpBytes.Footer : code, Value(0)));
        }

        if (_random.Next(10) == 0)
        {
            var all = sections.ToArray();
            _random.Shuffle(all);
            return [.. all.SelectMany(section => section)];
        }

        return [.. sections.SelectMany(section => section)];
    }

    private byte[] BodySection() => _random.Next(10) switch
    {
        0 => Section(AmqpBytes.Value, Value(0)),
        1 => Section(AmqpBytes.Sequence, Odd(4) ? Value(0) : Compound(isMap: false, [.. Enumerable.Range(0, _random.Next(4)).Select(_ => Value(1))])),
        2 => Section(AmqpBytes.Data, Value(0)),
        3 => [],
        4 => [.. Section(AmqpBytes.Data, AmqpBytes.Binary(AmqpPoison.Body[..5])), .. Section(AmqpBytes.Data, AmqpBytes.Binary(AmqpPoison.Body[5..]))],
        5 => Section(AmqpBytes.Data, AmqpBytes.Binary(Bytes(_random.Next(100)))),
        _ => Section(AmqpBytes.Data, AmqpBytes.Binary(AmqpPoison.Body)),
    };

    // Of the type that the field has, most of the time.
    private byte[] PropertyField(int field) => Odd(5) ? Value(1) : field switch
    {
        0 or 5 => Pick<Func<byte[]>>(() => Text(0xa1), () => AmqpBytes.Uuid(new Guid(Bytes(16))), () => AmqpBytes.ULong(_random.NextInt64()), () => AmqpBytes.Binary(Bytes(9)))(),
        1 => AmqpBytes.Binary(Bytes(_random.Next(20))),
        6 or 7 => Text(0xa3),
        8 or 9 => AmqpBytes.Timestamp(_random.NextInt64(long.MinValue, long.MaxValue)),
        11 => [0x52, (byte)_random.Next(256)],
        _ => Text(0xa1),
    };

    private byte[] Value(int depth)
    {
        if (Odd(150))
        {
            return [(byte)_random.Next(256), .. Bytes(_random.Next(12))];
        }

        switch (_random.Next(depth < Deepest ? 10 : 6))
        {
            case 0 or 1 or 2:
                var format = Pick(Odd(4) ? FixedAndNarrow : Fixed);
                return [format, .. Bytes(WidthOf(format))];
            case 3:
                return Text(0xa1);
            case 4:
                return Text(0xa3);
            case 5:
                return Variable(0xa0, Bytes(_random.Next(40)));
            case 6:
                return Compound(isMap: false, [.. Enumerable.Range(0, _random.Next(5)).Select(_ => Value(depth + 1))]);
            case 7:
                return Compound(isMap: true, [.. Enumerable.Range(0, _random.Next(4) * 2).Select(_ => Value(depth + 1))]);
            case 8:
                return [0x00, .. Value(depth + 1), .. Value(depth + 1)];
            default:
                return Array();
        }
    }

    private byte[] Array()
    {
        var format = Pick(Odd(4) ? FixedAndNarrow : Fixed);
        var count = _random.Next(6);
        return Sized(0xf0, Odd(20) ? _random.Next() : count, [format, .. Bytes(WidthOf(format) * count)]);
    }

    private byte[] Compound(bool isMap, byte[][] items) =>
        Sized((byte)(isMap ? 0xd1 : 0xd0), Odd(30) ? _random.Next(4) * items.Length : items.Length, [.. items.SelectMany(item => item)]);

    // With the short form, where the content fits into it, as often as with the long one.
    private byte[] Sized(byte format, int count, byte[] content)
    {
        if (content.Length < 250 && count is >= 0 and < 256 && _random.Next(2) == 0)
        {
            return [(byte)(format - 0x10), Lie8(content.Length + 1), (byte)count, .. content];
        }

        var head = new byte[9];
        head[0] = format;
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), Lie32(content.Length + sizeof(int)));
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(5), count);
        return [.. head, .. content];
    }

    private byte[] Text(byte format) =>
        Variable(format, Odd(8) ? Bytes(_random.Next(30)) : Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, _random.Next(12)).Select(_ => Pick("a", "-", "é", "\0", "😀", "\n", "\u202e")))));

    private byte[] Variable(byte format, byte[] content)
    {
        if (content.Length < 256 && _random.Next(2) == 0)
        {
            return [format, Lie8(content.Length), .. content];
        }

        var head = new byte[5];
        head[0] = (byte)(format + 0x10);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), Lie32(content.Length));
        return [.. head, .. content];
    }

    private byte[] Section(byte code, byte[] value) => _random.Next(20) switch
    {
        0 => [0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, code, .. value],
        1 when code is >= 0x70 and <= 0x78 => [0x00, .. AmqpBytes.Symbol($"amqp:{Sections[code - 0x70]}:{(code is 0x70 or 0x73 ? "list" : "map")}"), .. value],
        _ => [0x00, 0x53, code, .. value],
    };

    private byte[] Damaged(byte[] bytes) => bytes.Length == 0 ? bytes : _random.Next(20) switch
    {
        0 => bytes[.._random.Next(bytes.Length)],
        1 => [.. bytes, .. Bytes(_random.Next(1, 20))],
        _ => bytes,
    };

    private byte Lie8(int length) => (byte)(Odd(60) ? _random.Next(256) : length);

    private int Lie32(int length) => Odd(60) ? Pick(0, -1, int.MaxValue, int.MinValue, length + 1, length - 1, _random.Next()) : length;

    private static int WidthOf(byte format) => (format >> 4) switch { 4 => 0, 5 => 1, 6 => 2, 7 => 4, 8 => 8, _ => 16 };

    private bool Odd(int oneIn) => _random.Next(oneIn * _calm) == 0;

    private T Pick<T>(params T[] from) => from[_random.Next(from.Length)];

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }
}
