using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Forgotten;

namespace Ingest.Write;

/// <summary>What a flush decided about a row.</summary>
internal enum RowOutcome : byte
{
    /// <summary>New: written at its stamp.</summary>
    Stored,

    /// <summary>New, and another reading had its stamp: written some microseconds later.</summary>
    Collision,

    /// <summary>As many equal readings as its message holds up to it are stored, or are written by this flush.</summary>
    Duplicate,

    /// <summary>Dead-lettered: its millisecond is full.</summary>
    TooManyCollisions,

    /// <summary>Dead-lettered: the server refuses it.</summary>
    Refused,

    /// <summary>In its place already: another reading of its message is tried again.</summary>
    Neighbour,

    /// <summary>Ignored: its device was forgotten.</summary>
    Forgotten,
}

/// <summary>The readings of a flush's batches in one numbering, with what was decided about each. Its buffers are used again.</summary>
/// <param name="metricIndex">Which column is the metric's, in a narrow table.</param>
internal sealed class FlushRows(int? metricIndex = null)
{
    private ReadingColumns[] _readings = [];
    private Instant[] _stamps = [];
    private string[] _devices = [];
    private int[] _batchIndexes = [];
    private int[] _rowIndexes = [];
    private RowOutcome[] _outcomes = [];
    private Instant[] _times = [];
    private long[] _sorted = [];
    private int[] _order = [];

    // The rows in the order in which they are placed, where that is not their own.
    private int[]? _turns;
    private HashSet<int>? _neighbours;
    private HashSet<int>? _forgotten;

    public IReadOnlyList<DecodedBatch> Batches { get; private set; } = [];

    public int Count { get; private set; }

    /// <summary>How many are to be written.</summary>
    public int New { get; set; }

    public Span<RowOutcome> Outcomes => _outcomes.AsSpan(0, Count);

    public ReadOnlySpan<Instant> Stamps => _stamps.AsSpan(0, Count);

    /// <summary>Where each new row is written.</summary>
    public Span<Instant> Times => _times.AsSpan(0, Count);

    public void Load(IReadOnlyList<DecodedBatch> batches)
    {
        Batches = batches;
        _readings = [.. batches.Select(batch => batch.Readings)];
        Count = _readings.Sum(readings => readings.Count);
        New = 0;
        (_turns, _neighbours, _forgotten) = (null, null, null);
        if (_batchIndexes.Length < Count)
        {
            var size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Count);
            _stamps = new Instant[size];
            _devices = new string[size];
            _batchIndexes = new int[size];
            _rowIndexes = new int[size];
            _outcomes = new RowOutcome[size];
            _times = new Instant[size];
            _sorted = new long[size];
            _order = new int[size];
        }

        var next = 0;
        for (var batchIndex = 0; batchIndex < _readings.Length; batchIndex++)
        {
            var readings = _readings[batchIndex];
            readings.Stamps.CopyTo(_stamps.AsSpan(next));
            readings.Devices.CopyTo(_devices.AsSpan(next));
            _batchIndexes.AsSpan(next, readings.Count).Fill(batchIndex);
            for (var rowIndex = 0; rowIndex < readings.Count; rowIndex++)
            {
                _rowIndexes[next++] = rowIndex;
            }
        }
    }

    /// <summary>
    /// Sets apart the neighbours of what is tried again. They are counted before the others of their message, so that of equal readings
    /// those that are tried again are the last.
    /// </summary>
    public void SetApart(LetterTrials trials)
    {
        var (turns, neighbours) = (new int[Count], new HashSet<int>());
        var next = 0;
        for (var start = 0; start < Count;)
        {
            var end = start + 1;
            while (end < Count && AreOfOneMessage(start, end))
            {
                end++;
            }

            for (var index = start; index < end; index++)
            {
                if (!trials.Takes(_batchIndexes[index], EventIndexOf(index), ElementOf(index)))
                {
                    neighbours.Add(index);
                    turns[next++] = index;
                }
            }

            for (var index = start; index < end; index++)
            {
                if (!neighbours.Contains(index))
                {
                    turns[next++] = index;
                }
            }

            start = end;
        }

        (_turns, _neighbours) = (turns, neighbours);
    }

    /// <summary>Sets apart the readings of forgotten devices.</summary>
    public void Forget(ForgottenDevices devices)
    {
        _forgotten = [];
        for (var index = 0; index < Count; index++)
        {
            if (devices.Cover(_devices[index], _stamps[index]))
            {
                _forgotten.Add(index);
            }
        }
    }

    /// <summary>Whether a row's device was forgotten.</summary>
    public bool IsForgotten(int index) => _forgotten is not null && _forgotten.Contains(index);

    /// <summary>Which row is placed at a turn.</summary>
    public int AtTurn(int turn) => _turns is null ? turn : _turns[turn];

    /// <summary>Whether a row is only counted, as another reading of its message is tried again.</summary>
    public bool IsNeighbour(int index) => _neighbours is not null && _neighbours.Contains(index);

    public int BatchIndexOf(int index) => _batchIndexes[index];

    public int RowIndexOf(int index) => _rowIndexes[index];

    public bool AreOfOneMessage(int index, int otherIndex) =>
        _batchIndexes[index] == _batchIndexes[otherIndex] && EventIndexOf(index) == EventIndexOf(otherIndex);

    /// <summary>A row's message.</summary>
    public RawEvent EventOf(int index) => Batches[_batchIndexes[index]].Events[EventIndexOf(index)];

    public ReadingColumns ReadingsOf(int index) => _readings[_batchIndexes[index]];

    public Instant Stamp(int index) => _stamps[index];

    public string Device(int index) => _devices[index];

    /// <summary>What a narrow row's value is a value of; null in a wide one.</summary>
    public string? Metric(int index) =>
        metricIndex is { } columnIndex
            ? ((ValueColumn<string>)ReadingsOf(index).ColumnArray[columnIndex]).Values[_rowIndexes[index]]
            : null;

    public int EventIndexOf(int index) => ReadingsOf(index).EventIndexes[_rowIndexes[index]];

    public int ElementOf(int index) => ReadingsOf(index).ElementIndexes[_rowIndexes[index]];

    public bool IsNew(int index) => _outcomes[index] <= RowOutcome.Collision;

    /// <summary>The new rows in the order of their times, which an index on time takes at less cost than any other.</summary>
    public ReadOnlyMemory<int> NewInOrder()
    {
        var (count, inOrder, last) = (0, true, long.MinValue);
        for (var rowIndex = 0; rowIndex < Count; rowIndex++)
        {
            if (IsNew(rowIndex))
            {
                inOrder &= _times[rowIndex].Microseconds >= last;
                last = _times[rowIndex].Microseconds;
                _sorted[count] = last;
                _order[count++] = rowIndex;
            }
        }

        if (!inOrder)
        {
            Array.Sort(_sorted, _order, 0, count);
        }

        return _order.AsMemory(0, count);
    }

    /// <summary>Whether a row's values equal those of a row elsewhere, each in its column's exact type.</summary>
    public bool SameValues(int index, ReadingColumns other, int otherIndex) =>
        ReadingColumns.SameValues(ReadingsOf(index), _rowIndexes[index], other, otherIndex);
}
