using Ingest.Columns;
using Ingest.Events;
using Ingest.Write;

namespace Ingest.Audit;

/// <summary>
/// Finds the stored rows of readings by content. A message's n-th reading of a content needs the n-th row of it at its stamp; readings of
/// different messages may share a row. Its buffers are used again. Not thread-safe.
/// </summary>
internal sealed class StoredMatch : IStoredRowReceiver
{
    private const int None = FlushKeys.None;

    private readonly FlushKeys _keys = new();
    private readonly List<Row> _stored = [];
    private int[] _firstOfKey = [];
    private FlushRows _rows = new();

    /// <summary>Numbers the keys of readings; forgets all stored rows.</summary>
    public void Load(FlushRows rows)
    {
        _rows = rows;
        _keys.Load(rows);
        _stored.Clear();
        if (_firstOfKey.Length < _keys.Count)
        {
            _firstOfKey = new int[Math.Max(_keys.Count, _firstOfKey.Length * 2)];
        }

        Array.Fill(_firstOfKey, None, 0, _keys.Count);
    }

    public int KeyIndexOf(Instant stamp, string device, string? metric) => _keys.Find(stamp, device, metric);

    // In the order of their times, so that equal readings of different messages take the same rows.
    public void AddStored(int keyIndex, Instant time, ReadingColumns stored, int storedIndex)
    {
        ref var first = ref _firstOfKey[keyIndex];
        var (before, after) = (None, first);
        while (after != None && _stored[after].Time < time)
        {
            (before, after) = (after, _stored[after].Next);
        }

        var added = _stored.Count;
        _stored.Add(new Row(time, stored, storedIndex) { Next = after });
        if (before == None)
        {
            first = added;
        }
        else
        {
            _stored[before].Next = added;
        }
    }

    /// <summary>The time of the row that a reading has; null where it has none. Asked for all readings of a message, in order.</summary>
    public Instant? Find(int rowIndex)
    {
        for (var index = _firstOfKey[_keys.OfRow(rowIndex)]; index != None; index = _stored[index].Next)
        {
            var row = _stored[index];
            if ((row.LastReading == None || !_rows.AreOfOneMessage(row.LastReading, rowIndex))
                && _rows.SameValues(rowIndex, row.Values, row.Index))
            {
                row.LastReading = rowIndex;
                return row.Time;
            }
        }

        return null;
    }

    /// <summary>A stored row.</summary>
    private sealed class Row(Instant time, ReadingColumns values, int index)
    {
        public Instant Time { get; } = time;

        public ReadingColumns Values { get; } = values;

        public int Index { get; } = index;

        /// <summary>The last reading that has it.</summary>
        public int LastReading { get; set; } = None;

        /// <summary>The key's next row.</summary>
        public int Next { get; set; } = None;
    }
}
