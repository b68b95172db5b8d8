using System.Numerics;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>Numbers the keys of a flush's rows: stamp, device and, in a narrow table, metric. Its buffers are used again.</summary>
internal sealed class FlushKeys
{
    public const int None = -1;

    private int[] _buckets = [];
    private int[] _keyOfRow = [];
    private int[] _rowOfKey = [];
    private int[] _nextKey = [];
    private FlushRows _rows = new();

    public int Count { get; private set; }

    public void Load(FlushRows rows)
    {
        _rows = rows;
        Count = 0;
        Grow(rows.Count);
        Array.Fill(_buckets, None);
        for (var rowIndex = 0; rowIndex < rows.Count; rowIndex++)
        {
            _keyOfRow[rowIndex] = FindOrAdd(rows.Stamp(rowIndex), rows.Device(rowIndex), rows.Metric(rowIndex), rowIndex);
        }
    }

    /// <summary>The key of a row of the flush.</summary>
    public int OfRow(int rowIndex) => _keyOfRow[rowIndex];

    /// <summary>The key of this stamp, device and metric, or -1 where the flush has no row of it.</summary>
    public int Find(Instant stamp, string device, string? metric) => Find(Bucket(stamp, device, metric), stamp, device, metric);

    private int FindOrAdd(Instant stamp, string device, string? metric, int rowIndex)
    {
        var bucket = Bucket(stamp, device, metric);
        var keyIndex = Find(bucket, stamp, device, metric);
        if (keyIndex != None)
        {
            return keyIndex;
        }

        (_rowOfKey[Count], _nextKey[Count]) = (rowIndex, _buckets[bucket]);
        _buckets[bucket] = Count;
        return Count++;
    }

    private int Find(int bucket, Instant stamp, string device, string? metric)
    {
        for (var keyIndex = _buckets[bucket]; keyIndex != None; keyIndex = _nextKey[keyIndex])
        {
            var rowIndex = _rowOfKey[keyIndex];
            if (_rows.Stamp(rowIndex) == stamp && _rows.Device(rowIndex) == device && _rows.Metric(rowIndex) == metric)
            {
                return keyIndex;
            }
        }

        return None;
    }

    // The hash of a text is randomised, so that nobody can choose names that fall into one bucket.
    private int Bucket(Instant stamp, string device, string? metric)
    {
        var hash = HashCode.Combine(stamp, string.GetHashCode(device, StringComparison.Ordinal));
        return (metric is null ? hash : HashCode.Combine(hash, string.GetHashCode(metric, StringComparison.Ordinal)))
            & (_buckets.Length - 1);
    }

    private void Grow(int rows)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(rows, 64));
        if (_nextKey.Length < size)
        {
            _buckets = new int[size * 2];
            _keyOfRow = new int[size];
            _rowOfKey = new int[size];
            _nextKey = new int[size];
        }
    }
}
