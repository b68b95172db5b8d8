using System.Buffers.Binary;
using System.Net.Sockets;
using Amqp;
using Amqp.Framing;
using Amqp.Types;

namespace Ingest.LocalHub.Protocol;

/// <summary>Cuts what comes from a socket into frames.</summary>
internal sealed class FrameReader(Socket socket)
{
    /// <summary>The longest frame the hub takes, in bytes; it tells its peers so.</summary>
    public const int MaxFrameLength = 256 * 1024;

    private const int HeaderLength = 8;

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    // The codec knows the performatives only once one of them has been made.
    static FrameReader() => _ = new Open();

    /// <summary>Reads on; false at the end of the stream.</summary>
    public async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_end == _buffer.Length)
        {
            if (_start == 0)
            {
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }
            else
            {
                Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
                _end -= _start;
                _start = 0;
            }
        }

        var received = await socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += received;
        return received > 0;
    }

    public bool TryTakeProtocolHeader(out byte protocol)
    {
        if (_end - _start < HeaderLength)
        {
            protocol = 0;
            return false;
        }

        var header = _buffer.AsSpan(_start, HeaderLength);
        if (!header[..4].SequenceEqual("AMQP"u8) || header[5] != 1)
        {
            throw new AmqpException(ErrorCode.NotImplemented, "The peer does not speak AMQP 1.0.");
        }

        protocol = header[4];
        _start += HeaderLength;
        return true;
    }

    /// <summary>Takes the next whole frame. An empty one, which keeps a connection alive, has no performative.</summary>
    /// <remarks>The payload is valid until the next call of <see cref="ReceiveAsync"/>.</remarks>
    public bool TryTake(out ushort channel, out DescribedList? performative, out ReadOnlySpan<byte> payload)
    {
        channel = 0;
        performative = null;
        payload = default;
        var available = _buffer.AsSpan(_start, _end - _start);
        if (available.Length < HeaderLength)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(available);
        var dataOffset = available[4] * 4;
        if (length > MaxFrameLength || dataOffset < HeaderLength || dataOffset > length)
        {
            throw new AmqpException(ErrorCode.FramingError, $"A frame of {length} bytes cannot be taken.");
        }

        if (available.Length < length)
        {
            return false;
        }

        channel = BinaryPrimitives.ReadUInt16BigEndian(available[6..]);
        var bodyLength = (int)length - dataOffset;
        if (bodyLength > 0)
        {
            Nesting.CheckValue(available.Slice(dataOffset, bodyLength));
            var body = new ByteBuffer(_buffer, _start + dataOffset, bodyLength, bodyLength);
            performative = Encoder.ReadDescribed(body, Encoder.ReadFormatCode(body)) as DescribedList
                ?? throw new AmqpException(ErrorCode.FramingError, "A frame holds no performative.");
            payload = _buffer.AsSpan(body.Offset, body.Length);
        }

        _start += (int)length;
        return true;
    }
}
