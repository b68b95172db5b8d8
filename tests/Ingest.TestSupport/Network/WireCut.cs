using System.Buffers.Binary;

namespace Ingest.TestSupport.Network;

/// <summary>A place where a <see cref="TcpProxy"/> ends a connection, and what had passed until then.</summary>
public abstract class WireCut
{
    private readonly Lock _gate = new();

    private protected WireCut(WireDirection direction) => Direction = direction;

    /// <summary>Which way the bytes go that it counts.</summary>
    public WireDirection Direction { get; }

    /// <summary>Whether the place was reached, and the connection has ended there.</summary>
    public bool IsMade { get; private set; }

    /// <summary>All that passed from when the proxy was told until the cut.</summary>
    public WireRecording Passed { get; } = new();

    /// <summary>Takes note of bytes that are about to pass.</summary>
    /// <returns>Whether the connection ends after <paramref name="passing"/> of them.</returns>
    internal bool Reached(WireDirection direction, ReadOnlySpan<byte> bytes, out int passing)
    {
        lock (_gate)
        {
            passing = 0;
            if (IsMade)
            {
                // The connection's other way, while it is ending.
                return true;
            }

            IsMade = direction == Direction && IsWithin(bytes, out passing);
            passing = IsMade ? passing : bytes.Length;
            Passed.Note(direction, bytes[..passing]);
            return IsMade;
        }
    }

    private protected abstract bool IsWithin(ReadOnlySpan<byte> bytes, out int passing);
}

/// <summary>So many bytes after the proxy was told.</summary>
internal sealed class ByteCut(WireDirection direction, long bytes) : WireCut(direction)
{
    private long _left = bytes;

    private protected override bool IsWithin(ReadOnlySpan<byte> bytes, out int passing)
    {
        passing = (int)Math.Min(bytes.Length, _left);
        _left -= passing;
        return _left == 0;
    }
}

/// <summary>
/// At a byte of a message of PostgreSQL's protocol, counted from when the proxy was told, which is between two messages. What the client
/// says is cut once the bytes before have passed; what the server answers only when the byte itself has come, so that the server has done
/// what it answers to. Of a message that has no such byte the end is taken.
/// </summary>
public sealed class MessageCut : WireCut
{
    private const int HeaderLength = 5;

    private readonly byte[] _header = new byte[HeaderLength];
    private readonly int _message;
    private readonly int _byte;
    private int _index;
    private int _within;

    internal MessageCut(WireDirection direction, int message, int @byte)
        : base(direction)
    {
        _message = message;
        _byte = @byte;
    }

    /// <summary>How long the message is that it was cut in; null where less than its header had come.</summary>
    public int? MessageLength { get; private set; }

    private protected override bool IsWithin(ReadOnlySpan<byte> bytes, out int passing)
    {
        for (passing = 0; passing < bytes.Length; passing++)
        {
            if (IsAtPlace)
            {
                return true;
            }

            Pass(bytes[passing]);
        }

        return Direction == WireDirection.ToServer && IsAtPlace;
    }

    private bool IsAtPlace => _index > _message || (_index == _message && _within >= _byte);

    private void Pass(byte value)
    {
        if (_within < HeaderLength)
        {
            _header[_within] = value;
        }

        _within++;
        if (_within < HeaderLength)
        {
            return;
        }

        // A type, and a length that counts itself and not the type.
        var length = 1 + BinaryPrimitives.ReadInt32BigEndian(_header.AsSpan(1));
        if (_index == _message)
        {
            MessageLength = length;
        }

        if (_within == length)
        {
            _index++;
            _within = 0;
        }
    }
}
