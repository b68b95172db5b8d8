using System.Text;

namespace Ingest.FunctionsTests.Support;

/// <summary>
/// A message of the worker protocol (AzureFunctionsRpcMessages, protocol buffers), field by field: the package's own types are internal.
/// </summary>
internal sealed class ProtocolMessage
{
    private const int LengthDelimited = 2;

    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public ProtocolMessage With(int field, string text) => With(field, Encoding.UTF8.GetBytes(text));

    public ProtocolMessage With(int field, ProtocolMessage message) => With(field, message.ToArray());

    public ProtocolMessage With(int field, byte[] value)
    {
        WriteVarint(((uint)field << 3) | LengthDelimited);
        WriteVarint((uint)value.Length);
        _bytes.AddRange(value);
        return this;
    }

    /// <summary>The fields of a message in their order; a number has its value, everything else its bytes.</summary>
    public static IEnumerable<(int Field, ulong Number, byte[] Bytes)> Read(byte[] message)
    {
        var at = 0;
        while (at < message.Length)
        {
            var tag = ReadVarint(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    yield return ((int)(tag >> 3), ReadVarint(message, ref at), []);
                    break;
                case LengthDelimited:
                    var length = (int)ReadVarint(message, ref at);
                    yield return ((int)(tag >> 3), 0, message[at..(at + length)]);
                    at += length;
                    break;
                case var other:
                    at += other == 1 ? sizeof(ulong) : sizeof(uint);
                    break;
            }
        }
    }

    /// <summary>A field's bytes; empty where it is not there.</summary>
    public static byte[] Bytes(byte[] message, int field) =>
        Read(message).Where(found => found.Field == field).Select(found => found.Bytes).FirstOrDefault([]);

    /// <summary>A field's text; empty where it is not there.</summary>
    public static string Text(byte[] message, int field) => Encoding.UTF8.GetString(Bytes(message, field));

    private static ulong ReadVarint(byte[] message, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private void WriteVarint(uint value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes.Add((byte)(value | 0x80));
        }

        _bytes.Add((byte)value);
    }
}
