using System.Buffers.Binary;
using System.Net.Sockets;
using Amqp;
using Amqp.Types;

namespace Ingest.LocalHub.Protocol;

/// <summary>Frames waiting to be sent, one after the other in one buffer, which is sent whole and used again.</summary>
internal sealed class FrameWriter
{
    private const int FrameHeaderLength = 8;

    // The longest transfer this hub writes: 8 bytes of frame header and 36 of performative.
    private const int MaxTransferHeaderLength = 64;

    private readonly ByteBuffer _performative = new(512, autoGrow: true);
    private byte[] _buffer = new byte[64 * 1024];

    public int Length { get; private set; }

    /// <summary>Sends all of it.</summary>
    public async Task FlushAsync(Socket socket, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> left = _buffer.AsMemory(0, Length);
        while (left.Length > 0)
        {
            left = left[await socket.SendAsync(left, cancellationToken)..];
        }

        Length = 0;
    }

    public void ProtocolHeader(byte protocol) => Bytes([(byte)'A', (byte)'M', (byte)'Q', (byte)'P', protocol, 1, 0, 0]);

    public void EmptyFrame() => Bytes([0, 0, 0, 8, 2, 0, 0, 0]);

    public void Performative(ushort channel, DescribedList performative, FrameType type = FrameType.Amqp)
    {
        _performative.Reset();
        performative.Encode(_performative);
        var frame = Reserve(FrameHeaderLength + _performative.Length);
        WriteFrameHeader(frame, frame.Length, type, channel);
        _performative.Buffer.AsSpan(_performative.Offset, _performative.Length).CopyTo(frame[FrameHeaderLength..]);
        Length += frame.Length;
    }

    /// <summary>Writes one frame of a delivery and returns how many bytes of the payload went into it.</summary>
    /// <param name="channel">The session's channel.</param>
    /// <param name="handle">The link's handle.</param>
    /// <param name="deliveryId">The delivery's id; its tag too.</param>
    /// <param name="first">Whether this is the delivery's first frame, which tells its id, tag and whether it is settled.</param>
    /// <param name="settled">Whether it is sent settled.</param>
    /// <param name="payload">What is left of the message.</param>
    /// <param name="maxFrameLength">The longest frame the peer takes.</param>
    public int Transfer(ushort channel, uint handle, uint deliveryId, bool first, bool settled, ReadOnlySpan<byte> payload, int maxFrameLength)
    {
        var frame = Reserve(Math.Min(MaxTransferHeaderLength + payload.Length, maxFrameLength));
        var p = FrameHeaderLength;
        frame[p++] = 0x00;
        frame[p++] = 0x53;
        frame[p++] = 0x14;
        frame[p++] = 0xc0;
        var size = p++;
        frame[p++] = 6;
        frame[p++] = 0x70;
        BinaryPrimitives.WriteUInt32BigEndian(frame[p..], handle);
        p += 4;
        if (first)
        {
            frame[p++] = 0x70;
            BinaryPrimitives.WriteUInt32BigEndian(frame[p..], deliveryId);
            p += 4;
            frame[p++] = 0xa0;
            frame[p++] = 4;
            BinaryPrimitives.WriteUInt32BigEndian(frame[p..], deliveryId);
            p += 4;
            frame[p++] = 0x43;
            frame[p++] = settled ? (byte)0x41 : (byte)0x42;
        }
        else
        {
            frame.Slice(p, 4).Fill(0x40);
            p += 4;
        }

        var more = p++;
        frame[size] = (byte)(p - size - 1);
        var taken = Math.Min(payload.Length, maxFrameLength - p);
        frame[more] = taken < payload.Length ? (byte)0x41 : (byte)0x42;
        payload[..taken].CopyTo(frame[p..]);
        WriteFrameHeader(frame, p + taken, FrameType.Amqp, channel);
        Length += p + taken;
        return taken;
    }

    private static void WriteFrameHeader(Span<byte> frame, int length, FrameType type, ushort channel)
    {
        const byte DataOffsetInWords = 2;
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        frame[4] = DataOffsetInWords;
        frame[5] = (byte)type;
        BinaryPrimitives.WriteUInt16BigEndian(frame[6..], channel);
    }

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    private Span<byte> Reserve(int length)
    {
        if (_buffer.Length - Length < length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + length));
        }

        return _buffer.AsSpan(Length, length);
    }
}
