using System.Numerics;
using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>
/// Gives every reading of a flush its place. Equal content at one stamp is one reading; different content goes to the first free
/// microsecond of the stamp's millisecond, and every taken microsecond of it is compared, whether the row is stored or of this flush.
/// </summary>
/// <remarks>
/// A flush that has not read what is stored may still rely on it for rows at the stamp itself: a later microsecond is only ever taken while
/// the stamp is, and both commit together or in that order. So where the stamp turns out to be free, nothing of that millisecond is stored
/// (unless somebody deleted single rows), and where it is taken the unique index says so and the flush is compared.
/// </remarks>
internal sealed class CollisionResolver
{
    private const short NoMicrosecond = -1;

    private int[] _buckets = [];
    private int[] _nextKey = [];
    private int[] _keyOfRow = [];
    private int[] _rowOfKey = [];
    private int[] _firstPlace = [];
    private bool[] _storedKey = [];
    private int _keys;

    private Place[] _places = [];
    private int _placeCount;
    private FlushRows _rows = new();

    /// <summary>Readings whose key was stored before this flush.</summary>
    public int KnownKeys { get; private set; }

    /// <summary>Of the rows by batch: readings whose key was stored, and of them those equal to no stored row.</summary>
    public (int Known, int Differing)[] ByBatch { get; private set; } = [];

    /// <summary>Readings whose key was stored with other values only.</summary>
    public int Differing { get; private set; }

    /// <summary>Numbers the keys of a flush; forgets all that is stored.</summary>
    public void Load(FlushRows rows)
    {
        _rows = rows;
        _keys = 0;
        _placeCount = 0;
        Grow(rows.Count);
        Array.Fill(_buckets, -1);
        for (var rowIndex = 0; rowIndex < rows.Count; rowIndex++)
        {
            _keyOfRow[rowIndex] = FindOrAdd(rows.Stamp(rowIndex), rows.Device(rowIndex), rowIndex);
        }
    }

    /// <summary>The key of the flush's readings at this stamp of this device, or -1 where it has none.</summary>
    public int KeyIndexOf(Instant stamp, string device) => Find(Bucket(stamp, device), stamp, device);

    /// <summary>Takes in a stored row.</summary>
    /// <param name="keyIndex">Its key in the flush.</param>
    /// <param name="time">Its time.</param>
    /// <param name="stored">The buffer that holds its values.</param>
    /// <param name="storedIndex">Its row in that buffer.</param>
    public void AddStored(int keyIndex, Instant time, ReadingColumns stored, int storedIndex)
    {
        _storedKey[keyIndex] = true;
        AddPlace(keyIndex, new Place((short)time.MicrosecondOfMillisecond, stored, storedIndex, -1));
    }

    /// <summary>Decides about every row, in order.</summary>
    /// <param name="refused">Rows the server refuses.</param>
    public void Resolve(Refusals refused)
    {
        KnownKeys = 0;
        Differing = 0;
        ByBatch = new (int, int)[_rows.Batches.Count];
        _rows.New = 0;
        for (var rowIndex = 0; rowIndex < _rows.Count; rowIndex++)
        {
            Decide(rowIndex, refused.Contains(_rows.Batches[_rows.BatchIndexOf(rowIndex)], _rows.RowIndexOf(rowIndex)));
        }
    }

    private void Decide(int rowIndex, bool refused)
    {
        var keyIndex = _keyOfRow[rowIndex];
        var equalStored = false;
        RowOutcome? outcome = null;
        if (_firstPlace[keyIndex] >= 0)
        {
            for (var placeIndex = _firstPlace[keyIndex]; placeIndex >= 0 && outcome is null; placeIndex = _places[placeIndex].NextIndex)
            {
                ref readonly var taken = ref _places[placeIndex];
                if (taken.Stored is { } stored)
                {
                    equalStored = _rows.SameValues(rowIndex, stored, taken.RowIndex);
                    outcome = equalStored ? RowOutcome.Duplicate : null;
                }
                else if (_rows.SameValues(rowIndex, _rows.ReadingsOf(taken.RowIndex), _rows.RowIndexOf(taken.RowIndex)))
                {
                    outcome = taken.Microsecond == NoMicrosecond ? RowOutcome.Refused : RowOutcome.Duplicate;
                }
            }
        }

        if (_storedKey[keyIndex])
        {
            Count(_rows.BatchIndexOf(rowIndex), !equalStored);
        }

        _rows.Outcomes[rowIndex] = outcome ?? Take(rowIndex, keyIndex, refused);
    }

    private RowOutcome Take(int rowIndex, int keyIndex, bool refused)
    {
        if (refused)
        {
            AddPlace(keyIndex, new Place(NoMicrosecond, null, rowIndex, -1));
            return RowOutcome.Refused;
        }

        var free = FirstFree(keyIndex);
        if (free < 0)
        {
            return RowOutcome.TooManyCollisions;
        }

        AddPlace(keyIndex, new Place((short)free, null, rowIndex, -1));
        _rows.Times[rowIndex] = _rows.Stamp(rowIndex).AddMicroseconds(free);
        _rows.New++;
        return free == 0 ? RowOutcome.Stored : RowOutcome.Collision;
    }

    private void Count(int batchIndex, bool differs)
    {
        KnownKeys++;
        Differing += differs ? 1 : 0;
        ByBatch[batchIndex].Known++;
        ByBatch[batchIndex].Differing += differs ? 1 : 0;
    }

    private int FirstFree(int keyIndex)
    {
        if (_firstPlace[keyIndex] < 0)
        {
            return 0;
        }

        Span<ulong> taken = stackalloc ulong[16];
        taken.Clear();
        for (var placeIndex = _firstPlace[keyIndex]; placeIndex >= 0; placeIndex = _places[placeIndex].NextIndex)
        {
            var microsecond = _places[placeIndex].Microsecond;
            if (microsecond >= 0)
            {
                taken[microsecond >> 6] |= 1UL << (microsecond & 63);
            }
        }

        for (var word = 0; word < taken.Length; word++)
        {
            if (taken[word] != ulong.MaxValue)
            {
                var free = (word << 6) + BitOperations.TrailingZeroCount(~taken[word]);
                return free < Instant.PerMillisecond ? free : -1;
            }
        }

        return -1;
    }

    private void AddPlace(int keyIndex, Place place)
    {
        if (_placeCount == _places.Length)
        {
            Array.Resize(ref _places, Math.Max(1_024, _places.Length * 2));
        }

        _places[_placeCount] = place with { NextIndex = _firstPlace[keyIndex] };
        _firstPlace[keyIndex] = _placeCount++;
    }

    private int FindOrAdd(Instant stamp, string device, int rowIndex)
    {
        var bucket = Bucket(stamp, device);
        var keyIndex = Find(bucket, stamp, device);
        if (keyIndex >= 0)
        {
            return keyIndex;
        }

        keyIndex = _keys++;
        _nextKey[keyIndex] = _buckets[bucket];
        _buckets[bucket] = keyIndex;
        _rowOfKey[keyIndex] = rowIndex;
        _firstPlace[keyIndex] = -1;
        _storedKey[keyIndex] = false;
        return keyIndex;
    }

    private int Find(int bucket, Instant stamp, string device)
    {
        for (var keyIndex = _buckets[bucket]; keyIndex >= 0; keyIndex = _nextKey[keyIndex])
        {
            var rowIndex = _rowOfKey[keyIndex];
            if (_rows.Stamp(rowIndex) == stamp && _rows.Device(rowIndex) == device)
            {
                return keyIndex;
            }
        }

        return -1;
    }

    // The device's own hash is randomised, so that nobody can choose names that fall into one bucket.
    private int Bucket(Instant stamp, string device) =>
        HashCode.Combine(stamp, string.GetHashCode(device, StringComparison.Ordinal)) & (_buckets.Length - 1);

    private void Grow(int rows)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(rows, 64));
        if (_nextKey.Length < size)
        {
            _buckets = new int[size * 2];
            _nextKey = new int[size];
            _keyOfRow = new int[size];
            _rowOfKey = new int[size];
            _firstPlace = new int[size];
            _storedKey = new bool[size];
        }
    }

    /// <summary>A taken microsecond of a key: by a stored row, or by a row of the flush.</summary>
    private readonly record struct Place(short Microsecond, ReadingColumns? Stored, int RowIndex, int NextIndex);
}
