using System.Buffers.Binary;
using System.Text;

namespace Ingest.TestSupport.Poison;

/// <summary>AMQP's encoding written out by hand: what no library would write can be said too.</summary>
internal static class AmqpBytes
{
    public const byte MessageAnnotations = 0x72;
    public const byte Properties = 0x73;
    public const byte ApplicationProperties = 0x74;
    public const byte Data = 0x75;
    public const byte Sequence = 0x76;
    public const byte Value = 0x77;
    public const byte Footer = 0x78;

    public static byte[] Null => [0x40];

    public static byte[] Section(byte code, byte[] value) => [0x00, 0x53, code, .. value];

    public static byte[] Int(int value) => [0x71, .. BigEndian(value)];

    public static byte[] Long(long value) => [0x81, .. BigEndian(value)];

    public static byte[] ULong(long value) => [0x80, .. BigEndian(value)];

    public static byte[] Timestamp(long milliseconds) => [0x83, .. BigEndian(milliseconds)];

    public static byte[] Uuid(Guid value) => [0x98, .. value.ToByteArray(bigEndian: true)];

    public static byte[] Text(string value) => Text(Encoding.UTF8.GetBytes(value));

    public static byte[] Text(byte[] utf8) => [0xa1, (byte)utf8.Length, .. utf8];

    public static byte[] Symbol(string value) => [0xa3, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    public static byte[] Binary(byte[] value) => [0xb0, .. BigEndian(value.Length), .. value];

    public static byte[] Described(byte[] descriptor, byte[] value) => [0x00, .. descriptor, .. value];

    public static byte[] List(params byte[][] items) => Compound(0xd0, items.Length, items);

    /// <param name="items">Key, value, key, value, …</param>
    public static byte[] Map(params byte[][] items) => Compound(0xd1, items.Length, items);

    /// <summary>A list, map or array that says to hold so many items.</summary>
    public static byte[] Compound(byte format, int count, params byte[][] items)
    {
        var content = items.SelectMany(item => item).ToArray();
        return [format, .. BigEndian(content.Length + sizeof(int)), .. BigEndian(count), .. content];
    }

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] BigEndian(long value)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes;
    }
}
