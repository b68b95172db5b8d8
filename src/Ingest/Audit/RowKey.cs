using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Ingest.Events;

namespace Ingest.Audit;

/// <summary>A row's key in sixteen bytes.</summary>
/// <param name="Time">The row's time.</param>
/// <param name="Name">A hash of device and metric. Two different names with one hash at one instant would be taken for one row.</param>
internal readonly record struct RowKey(Instant Time, ulong Name) : IComparable<RowKey>
{
    private const int LongestOnStack = 512;

    public static RowKey Of(Instant time, string device, string? metric) => new(time, NameOf(device, metric));

    /// <summary>The first eight bytes of the SHA-256 of device and metric.</summary>
    public static ulong NameOf(string device, string? metric)
    {
        var length = Encoding.UTF8.GetMaxByteCount(device.Length) + 1 + Encoding.UTF8.GetMaxByteCount(metric?.Length ?? 0);
        var bytes = length <= LongestOnStack ? stackalloc byte[LongestOnStack] : new byte[length];
        var used = Encoding.UTF8.GetBytes(device, bytes);
        if (metric is not null)
        {
            // No device and no metric contains it.
            bytes[used++] = 0;
            used += Encoding.UTF8.GetBytes(metric, bytes[used..]);
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(bytes[..used], hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    public int CompareTo(RowKey other) => Time == other.Time ? Name.CompareTo(other.Name) : Time.CompareTo(other.Time);
}
