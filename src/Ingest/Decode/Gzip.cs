using System.Buffers.Binary;
using System.IO.Compression;
using Ingest.Columns;

namespace Ingest.Decode;

/// <summary>Inflates gzip bodies, never further than <see cref="MessageBody.LongestInflated"/>.</summary>
internal static class Gzip
{
    private const int TrailerLength = 8;
    private const int Step = 16 * 1024;

    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(CrcOf)];

    public enum Result
    {
        Complete,
        Damaged,
        TooLarge,
    }

    /// <summary>Inflates into <paramref name="inflated"/>. One or several members, as RFC 1952 allows; nothing may follow them.</summary>
    public static Result Inflate(ReadOnlyMemory<byte> compressed, PooledBuffer<byte> inflated)
    {
        inflated.Clear();
        try
        {
            using var source = System.Runtime.InteropServices.MemoryMarshal.TryGetArray(compressed, out var segment)
                ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
                : new MemoryStream(compressed.ToArray(), writable: false);
            using var gzip = new GZipStream(source, CompressionMode.Decompress);
            while (true)
            {
                var read = gzip.Read(inflated.Extend(Step));
                inflated.Truncate(inflated.Count - Step + read);
                if (read == 0)
                {
                    return EndsWithItsTrailer(compressed.Span, inflated.Span) ? Result.Complete : Result.Damaged;
                }

                if (inflated.Count > MessageBody.LongestInflated)
                {
                    return Result.TooLarge;
                }
            }
        }
        catch (InvalidDataException)
        {
            return Result.Damaged;
        }
    }

    // GZipStream takes a cut stream for a short one, and passes over what follows the last member. Both are found by the trailer, which
    // must be the last thing in the body: the length of the last member and its checksum.
    private static bool EndsWithItsTrailer(ReadOnlySpan<byte> compressed, ReadOnlySpan<byte> inflated)
    {
        if (compressed.Length < TrailerLength)
        {
            return false;
        }

        var trailer = compressed[^TrailerLength..];
        var length = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        return length <= inflated.Length
            && (length > 0 || inflated.IsEmpty)
            && Crc(inflated[^(int)length..]) == BinaryPrimitives.ReadUInt32LittleEndian(trailer);
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
