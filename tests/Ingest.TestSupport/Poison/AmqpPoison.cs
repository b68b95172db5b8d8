using System.Text;
using static Ingest.TestSupport.Poison.AmqpBytes;

namespace Ingest.TestSupport.Poison;

/// <summary>
/// Messages, legal and broken, that AMQP clients fall over, as a device could have sent them: each with annotations for a device and a stamp, and
/// with a body of JSON unless the body itself is what is odd. The hub's own annotations (offset, sequence number, enqueued time) are the hub's to add.
/// </summary>
public static class AmqpPoison
{
    /// <summary>The device that the messages' annotations name, but in the kinds about that annotation.</summary>
    public const string Device = "dev-1";

    private const int Impossible = int.MaxValue;

    /// <summary>IoT Hub's stamp in the messages' annotations, but in the kinds about that annotation.</summary>
    public static readonly DateTime Stamp = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    /// <summary>The bytes of the JSON body.</summary>
    public static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"temperature":21.5}""");

    /// <summary>What the messages begin with, but those of the kinds about annotations: <see cref="Device"/> and <see cref="Stamp"/>.</summary>
    public static byte[] Annotations { get; } = Annotated();

    /// <summary>A message that everybody can read.</summary>
    public static byte[] Good { get; } = [.. Annotated(), .. DataSection(Body)];

    /// <summary>What clients read.</summary>
    private static readonly (string, byte[])[] Readable =
    [
        ("the largest timestamp as a property", WithProperty(Timestamp(long.MaxValue))),
        ("the smallest timestamp as a property", WithProperty(Timestamp(long.MinValue))),
        ("a device that is null", [.. Annotated(device: Null), .. DataSection(Body)]),
        ("a device that is a number", [.. Annotated(device: Int(7)), .. DataSection(Body)]),
        ("a device that is binary", [.. Annotated(device: Binary([0xff, 0x00])), .. DataSection(Body)]),
        ("a stamp that is text", [.. Annotated(stamp: Text("2026-05-01T12:00:00Z")), .. DataSection(Body)]),
        ("a stamp that is null", [.. Annotated(stamp: Null), .. DataSection(Body)]),
        ("a stamp that is a number", [.. Annotated(stamp: Int(7)), .. DataSection(Body)]),
        ("a stamp that is binary", [.. Annotated(stamp: Binary([0x01])), .. DataSection(Body)]),
        ("a property of bytes that are no UTF-8", WithProperty(Text([0xff, 0xfe, 0xc0]))),
        ("a property's key of bytes that are no UTF-8", WithProperties(Map(Text([0xff, 0xfe, 0xc0]), Text("v")))),
        ("a property's key that is null", WithProperties(Map(Null, Text("v")))),
        ("a property's key that is a number", WithProperties(Map(Int(7), Text("v")))),
        ("the same property twice", WithProperties(Map(Text("p"), Text("first"), Text("p"), Text("second")))),
        ("a described property", WithProperty(Described(Symbol("acme:thing"), Text("v")))),
        ("a property of type decimal128", WithProperty([0x94, 0x30, 0x40, .. new byte[13], 0x15])),
        ("an array of numbers as a property", WithProperty(Compound(0xf0, 3, [0x71], [0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 3]))),
        ("a message id that is binary", [.. Annotated(), .. Section(AmqpBytes.Properties, List(Binary([1, 2, 0xff]))), .. DataSection(Body)]),
        ("a message id that is a UUID", [.. Annotated(), .. Section(AmqpBytes.Properties, List(Uuid(new Guid("01234567-89ab-cdef-0123-456789abcdef")))), .. DataSection(Body)]),
        ("a message id that is a number", [.. Annotated(), .. Section(AmqpBytes.Properties, List(ULong(42))), .. DataSection(Body)]),
        ("annotations with keys of other types", [.. Annotated(more: [Text("text"), Text("v"), ULong(5), Text("v")]), .. DataSection(Body)]),
        ("a body that is a sequence", [.. Annotated(), .. Section(Sequence, List(Int(1), Text("two")))]),
        ("a body that is a map", [.. Annotated(), .. Section(Value, Map(Text("temperature"), Int(21)))]),
        ("a body that is a number", [.. Annotated(), .. Section(Value, Int(21))]),
    ];

    /// <summary>What Microsoft's client cannot read.</summary>
    private static readonly (string, byte[])[] Unreadable =
    [
        ("a property of type decimal128 that is not finite", WithProperty([0x94, .. Enumerable.Repeat((byte)0xff, 16)])),
        ("a property that is a char past the last", WithProperty([0x73, 0x00, 0x11, 0x00, 0x00])),
        ("a property that is half a surrogate pair", WithProperty([0x73, 0x00, 0x00, 0xd8, 0x00])),
        ("an array of impossible length as a property", WithProperty(Compound(0xf0, Impossible, [0x71], [0, 0, 0, 1]))),
        ("a property of type decimal128 with an exponent past .NET's", WithProperty([0x94, 0x5f, 0xfe, .. new byte[13], 0x01])),
        ("a property of type decimal32", WithProperty([0x74, 0x32, 0x80, 0x00, 0x01])),
        ("a property of type decimal64", WithProperty([0x84, 0x31, 0xc0, .. new byte[5], 0x01])),
        ("a list of impossible length as a property", WithProperty(Compound(0xd0, Impossible, Int(1)))),
        ("a content type that is a number", [.. Annotated(), .. Section(AmqpBytes.Properties, List(Null, Null, Null, Null, Null, Null, Int(5))), .. DataSection(Body)]),
        ("a body nested 2,000 deep", [.. Annotated(), .. Section(Value, Nested(2_000))]),
        ("a map as a property", WithProperty(Map(Text("k"), Text("v")))),
        ("a property that is described by a number", WithProperty(Described(Int(7), Map(Text("k"), Text("v"))))),
        ("an annotation that is described", [.. Annotated(more: [Symbol("x"), Described(ULong(7), Text("v"))]), .. DataSection(Body)]),
    ];

    /// <summary>Not in the list of what was once met, and as hostile.</summary>
    private static readonly (string, byte[])[] More =
    [
        ("an array of impossible length whose items have none", WithProperty(Compound(0xf0, Impossible, [0x45]))),
        ("a map of impossible length as a property", WithProperty(Compound(0xd1, Impossible, Text("k"), Text("v")))),
        ("properties of impossible length", WithProperties(Compound(0xd1, Impossible, Text("k"), Text("v")))),
        ("annotations nested 2,000 deep behind the device's", [.. Annotated(more: [Symbol("x"), Nested(2_000)]), .. DataSection(Body)]),
        ("a type that AMQP does not have", WithProperty([0x3f, 0x01])),
        ("a section that AMQP does not have", [.. Annotated(), .. Section(0x79, Int(1))]),
        ("a body that ends too early", [.. Annotated(), 0x00, 0x53, Data, 0xb0, 0x00, 0x00, 0x10, 0x00, 1, 2, 3]),
        ("a body longer than any message", [.. Annotated(), 0x00, 0x53, Data, 0xb0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
        ("bytes that are no section behind the annotations", [.. Annotated(), 0xde, 0xad, 0xbe, 0xef]),
        ("a footer that is a number", [.. Annotated(), .. DataSection(Body), .. Section(Footer, Int(1))]),
        ("no body at all", Annotated()),
        ("a body that is null", [.. Annotated(), .. Section(Value, Null)]),
        ("a body of two sections", [.. Annotated(), .. DataSection(Body[..4]), .. DataSection(Body[4..])]),
    ];

    /// <summary>Every kind once.</summary>
    public static IReadOnlyList<(string Name, byte[] Message)> Kinds { get; } = [.. Readable, .. Unreadable, .. More];

    /// <summary>
    /// What ends a process in which Microsoft's client decodes it, where threads have stacks of the usual size: the client recurses into
    /// descriptors without a limit, and a stack overflow cannot be caught. Not among <see cref="Kinds"/>.
    /// </summary>
    public static (string Name, byte[] Message) Deadly { get; } =
        ("a body of 100,000 descriptors one in the other", [.. Annotated(), .. Section(Value, [.. Enumerable.Repeat((byte)0x00, 100_000), 0x40])]);

    /// <summary>Kinds with one to three bytes changed, taken out or doubled somewhere behind the annotations. The same seed gives the same messages.</summary>
    public static IEnumerable<(string Name, byte[] Message)> Mutations(int seed, int count)
    {
        var random = new Random(seed);
        for (var number = 0; number < count; number++)
        {
            var (name, message) = Kinds[number % Kinds.Count];
            yield return ($"{name}, mutation {number} of seed {seed}", Mutated(message, random));
        }
    }

    private static byte[] Mutated(byte[] message, Random random)
    {
        // The annotations are the hub's: no device writes their encoding.
        var first = message.AsSpan().StartsWith(Annotations) ? Annotations.Length : message.Length - 1;
        var bytes = message.ToList();
        for (var change = random.Next(3); change >= 0; change--)
        {
            var at = random.Next(Math.Min(first, bytes.Count), bytes.Count + 1);
            switch (random.Next(4))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2 when at < bytes.Count:
                    bytes.RemoveRange(at, random.Next(1, Math.Min(8, bytes.Count - at) + 1));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(Math.Max(first, at - 8), at - Math.Max(first, at - 8)));
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Annotated(byte[]? device = null, byte[]? stamp = null, params byte[][] more) => Section(MessageAnnotations, Map(
    [
        Symbol("iothub-connection-device-id"), device ?? Text(Device),
        Symbol("iothub-enqueuedtime"), stamp ?? Timestamp(new DateTimeOffset(Stamp).ToUnixTimeMilliseconds()),
        Symbol("iothub-message-source"), Text("Telemetry"),
        .. more,
    ]));

    private static byte[] WithProperty(byte[] value) => WithProperties(Map(Text("p"), value));

    private static byte[] WithProperties(byte[] map) => [.. Annotated(), .. Section(AmqpBytes.ApplicationProperties, map), .. DataSection(Body)];

    private static byte[] DataSection(byte[] body) => Section(Data, Binary(body));

    private static byte[] Nested(int depth)
    {
        byte[] value = Int(1);
        for (var level = 0; level < depth; level++)
        {
            value = List(value);
        }

        return value;
    }
}
