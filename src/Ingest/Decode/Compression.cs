using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Ingest.Columns;

namespace Ingest.Decode;

/// <summary>Inflates compressed bodies, never further than <see cref="MessageBody.LongestInflated"/>.</summary>
internal static class Compression
{
    private const int GzipTrailer = 8;
    private const int ZlibTrailer = 4;
    // More than the longest header of a block, which produces no output.
    private const int Behind = 1024;
    private const int Step = 16 * 1024;
    private const uint AdlerModulus = 65_521;

    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(CrcOf)];

    public enum Result
    {
        Complete,
        Damaged,
        TooLarge,
    }

    /// <summary>Whether bytes begin as gzip does, and as no text can.</summary>
    public static bool IsGzip(ReadOnlySpan<byte> body) => body is [0x1f, 0x8b, ..];

    /// <summary>Inflates gzip: one or several members, as RFC 1952 allows; nothing may follow them.</summary>
    public static Result Gunzip(ReadOnlyMemory<byte> compressed, PooledBuffer<byte> inflated)
    {
        var result = Inflate(source => new GZipStream(source, CompressionMode.Decompress), compressed, inflated);
        return result == Result.Complete && !EndsWithGzipTrailer(compressed.Span, inflated.Span) ? Result.Damaged : result;
    }

    /// <summary>
    /// Inflates what senders call deflate: the zlib format (RFC 1950), as HTTP means it, or the bare one (RFC 1951). Nothing may follow.
    /// </summary>
    public static Result InflateDeflate(ReadOnlyMemory<byte> compressed, PooledBuffer<byte> inflated)
    {
        if (!IsZlib(compressed.Span))
        {
            return InflateBare(compressed, inflated);
        }

        var result = Inflate(source => new ZLibStream(source, CompressionMode.Decompress), compressed, inflated);
        return result == Result.Complete
            && (compressed.Length < ZlibTrailer
                || BinaryPrimitives.ReadUInt32BigEndian(compressed.Span[^ZlibTrailer..]) != Adler(inflated.Span))
            ? Result.Damaged
            : result;
    }

    private static bool IsZlib(ReadOnlySpan<byte> body) =>
        body.Length > 1 && (body[0] & 0x0f) == 8 && ((body[0] << 8) + body[1]) % 31 == 0;

    // The bare format has no checksum, and the stream takes a cut one for a short one and passes over what follows. Its end is found by
    // what it makes of bytes put behind it: none of them change anything where it is complete, and some do where its last byte is gone.
    private static Result InflateBare(ReadOnlyMemory<byte> compressed, PooledBuffer<byte> inflated)
    {
        var result = Inflate(Bare, compressed, inflated);
        if (result != Result.Complete)
        {
            return result;
        }

        var endsHere = IsAll(compressed.Span, inflated.Span);
        var endsBefore = endsHere && IsAll(compressed.Span[..^1], inflated.Span);
        return endsHere && !endsBefore ? Result.Complete : Result.Damaged;
    }

    private static Stream Bare(Stream source) => new DeflateStream(source, CompressionMode.Decompress);

    private static bool IsAll(ReadOnlySpan<byte> compressed, ReadOnlySpan<byte> expected)
    {
        using var inflated = new PooledBuffer<byte>();
        foreach (var behind in new byte[] { 0, 0xff })
        {
            var source = new byte[compressed.Length + Behind];
            source.AsSpan(compressed.Length).Fill(behind);
            compressed.CopyTo(source);
            if (Inflate(Bare, source, inflated) != Result.Complete || !inflated.Span.SequenceEqual(expected))
            {
                return false;
            }
        }

        return true;
    }

    private static Result Inflate(Func<Stream, Stream> open, ReadOnlyMemory<byte> compressed, PooledBuffer<byte> inflated)
    {
        inflated.Clear();
        try
        {
            using var source = MemoryMarshal.TryGetArray(compressed, out var segment)
                ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
                : new MemoryStream(compressed.ToArray(), writable: false);
            using var stream = open(source);
            while (true)
            {
                var read = stream.Read(inflated.Extend(Step));
                inflated.Truncate(inflated.Count - Step + read);
                if (read == 0)
                {
                    return Result.Complete;
                }

                if (inflated.Count > MessageBody.LongestInflated)
                {
                    return Result.TooLarge;
                }
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            return Result.Damaged;
        }
    }

    // GZipStream takes a cut stream for a short one, and passes over what follows the last member. Both are found by the trailer, which
    // must be the last thing in the body: the length of the last member and its checksum.
    private static bool EndsWithGzipTrailer(ReadOnlySpan<byte> compressed, ReadOnlySpan<byte> inflated)
    {
        if (compressed.Length < GzipTrailer)
        {
            return false;
        }

        var trailer = compressed[^GzipTrailer..];
        var length = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        return length <= inflated.Length
            && (length > 0 || inflated.IsEmpty)
            && Crc(inflated[^(int)length..]) == BinaryPrimitives.ReadUInt32LittleEndian(trailer);
    }

    private static uint Adler(ReadOnlySpan<byte> bytes)
    {
        var (low, high) = (1u, 0u);
        foreach (var value in bytes)
        {
            low = (low + value) % AdlerModulus;
            high = (high + low) % AdlerModulus;
        }

        return (high << 16) | low;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc = CrcTable[(byte)crc ^ value] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint CrcOf(int value)
    {
        var crc = (uint)value;
        for (var bit = 0; bit < 8; bit++)
        {
            crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xedb88320u;
        }

        return crc;
    }
}
