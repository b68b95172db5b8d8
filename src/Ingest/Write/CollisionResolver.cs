using System.Numerics;
using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>
/// Gives every reading of a flush its place. The table holds a content at a stamp as often as the one message that holds it most often: a
/// message's n-th reading of a content is a duplicate where n of them are there, stored or of this flush. Else it goes to the first free
/// microsecond of the stamp's millisecond.
/// </summary>
/// <remarks>
/// <para>A message's readings are all in one flush, so what the flush has counted of it is all that it holds.</para>
/// <para>A flush that has not read what is stored may still rely on it for rows at the stamp itself: a later microsecond is only ever taken
/// while the stamp is, and both commit together or in that order. So where the stamp turns out to be free, nothing of that millisecond is
/// stored (unless somebody deleted single rows), and where it is taken the unique index says so and the flush is compared.</para>
/// </remarks>
internal sealed class CollisionResolver : IStoredRowReceiver
{
    private const int None = FlushKeys.None;

    private readonly FlushKeys _keyNumbers = new();
    private readonly TakenMicroseconds _places = new();
    private Key[] _keys = [];

    private KeyContent[] _contents = [];
    private int _contentCount;
    private FlushRows _rows = new();

    /// <summary>Readings whose key was stored before this flush.</summary>
    public int KnownKeys { get; private set; }

    /// <summary>Of the rows by batch: readings whose key was stored, and of them those equal to no stored row.</summary>
    public (int Known, int Differing)[] ByBatch { get; private set; } = [];

    /// <summary>Readings whose key was stored with other values only.</summary>
    public int Differing { get; private set; }

    /// <summary>The duplicates that only what is not mapped tells from their twin.</summary>
    public IndistinctMessages Indistinct { get; } = new();

    /// <summary>Numbers the keys of a flush; forgets all that is stored.</summary>
    public void Load(FlushRows rows)
    {
        _rows = rows;
        _keyNumbers.Load(rows);
        if (_keys.Length < _keyNumbers.Count)
        {
            _keys = new Key[(int)BitOperations.RoundUpToPowerOf2((uint)_keyNumbers.Count)];
        }

        Array.Fill(_keys, new Key { LoneRow = None, FirstContent = None, FirstPlace = None }, 0, _keyNumbers.Count);
        _contentCount = 0;
        _places.Clear();
    }

    /// <inheritdoc cref="FlushKeys.Find(Instant, string, string?)"/>
    public int KeyIndexOf(Instant stamp, string device, string? metric = null) => _keyNumbers.Find(stamp, device, metric);

    /// <inheritdoc/>
    public void AddStored(int keyIndex, Instant time, ReadingColumns stored, int storedIndex)
    {
        ref var key = ref _keys[keyIndex];
        key.IsStored = true;
        key.FirstPlace = _places.Add(key.FirstPlace, time.MicrosecondOfMillisecond);
        AddContent(ref key, new KeyContent { Stored = stored, RowIndex = storedIndex, LastRow = None, Copies = 1 });
    }

    /// <summary>Decides about every row, in order.</summary>
    /// <param name="refused">Rows the server refuses.</param>
    public void Resolve(Refusals refused)
    {
        KnownKeys = 0;
        Differing = 0;
        ByBatch = new (int, int)[_rows.Batches.Count];
        Indistinct.Clear();
        _rows.New = 0;
        for (var turn = 0; turn < _rows.Count; turn++)
        {
            var rowIndex = _rows.AtTurn(turn);
            ref var key = ref _keys[_keyNumbers.OfRow(rowIndex)];
            if (_rows.IsForgotten(rowIndex))
            {
                _rows.Outcomes[rowIndex] = RowOutcome.Forgotten;
                continue;
            }

            if (_rows.IsNeighbour(rowIndex))
            {
                CountNeighbour(ref key, rowIndex);
                continue;
            }

            if (TakeAlone(ref key, rowIndex, refused))
            {
                continue;
            }

            var contentIndex = ContentOf(key, rowIndex);
            if (key.IsStored && !key.HasNeighbours)
            {
                Count(_rows.BatchIndexOf(rowIndex), contentIndex == None || _contents[contentIndex].Stored is null);
            }

            _rows.Outcomes[rowIndex] = contentIndex == None
                ? Take(ref key, rowIndex, refused)
                : Decide(ref key, ref _contents[contentIndex], rowIndex, refused);
        }
    }

    // Most rows have their stamp for themselves: no more is noted of one than a second one needs.
    private bool TakeAlone(ref Key key, int rowIndex, Refusals refused)
    {
        if (key.LoneRow == None && key.FirstContent == None && !key.IsStored && !IsRefused(rowIndex, refused))
        {
            key.LoneRow = rowIndex;
            _rows.Outcomes[rowIndex] = RowOutcome.Stored;
            _rows.Times[rowIndex] = _rows.Stamp(rowIndex);
            _rows.New++;
            return true;
        }

        NoteLoneRow(ref key);
        return false;
    }

    private void NoteLoneRow(ref Key key)
    {
        if (key.LoneRow != None)
        {
            key.FirstPlace = _places.Add(key.FirstPlace, 0);
            AddContent(ref key, new KeyContent { RowIndex = key.LoneRow, LastRow = key.LoneRow, SeenInMessage = 1, Copies = 1 });
            key.LoneRow = None;
        }
    }

    // Its message holds it, so the next of its content there is one more. Whatever is stored at its stamp may be its own row.
    private void CountNeighbour(ref Key key, int rowIndex)
    {
        NoteLoneRow(ref key);
        key.HasNeighbours = true;
        _rows.Outcomes[rowIndex] = RowOutcome.Neighbour;
        var found = ContentOf(key, rowIndex);
        if (found == None)
        {
            AddContent(ref key, new KeyContent { RowIndex = rowIndex, LastRow = rowIndex, SeenInMessage = 1 });
        }
        else
        {
            _contents[found].See(rowIndex, _rows);
        }
    }

    private bool IsRefused(int rowIndex, Refusals refused) =>
        refused.Contains(_rows.Batches[_rows.BatchIndexOf(rowIndex)], _rows.RowIndexOf(rowIndex));

    private int ContentOf(in Key key, int rowIndex)
    {
        var found = NextEqual(key.FirstContent, rowIndex);
        if (found != None && _contents[found].Stored is not null && !_contents[found].IsCounted)
        {
            // Stored rows come one by one: those equal to it count with it.
            for (var next = found; (next = NextEqual(_contents[next].NextIndex, rowIndex)) != None;)
            {
                _contents[found].Copies++;
            }

            _contents[found].IsCounted = true;
        }

        return found;
    }

    private int NextEqual(int contentIndex, int rowIndex)
    {
        for (; contentIndex != None; contentIndex = _contents[contentIndex].NextIndex)
        {
            ref readonly var content = ref _contents[contentIndex];
            if (content.Stored is { } stored
                ? _rows.SameValues(rowIndex, stored, content.RowIndex)
                : _rows.SameValues(rowIndex, _rows.ReadingsOf(content.RowIndex), _rows.RowIndexOf(content.RowIndex)))
            {
                return contentIndex;
            }
        }

        return None;
    }

    // An equal reading is there.
    private RowOutcome Decide(ref Key key, ref KeyContent content, int rowIndex, Refusals refused)
    {
        content.IsRefused |= content.Copies == 0 && IsRefused(rowIndex, refused);
        if (content.IsRefused)
        {
            return RowOutcome.Refused;
        }

        content.See(rowIndex, _rows);
        if (content.SeenInMessage <= content.Copies)
        {
            if (content.Stored is null)
            {
                Indistinct.Add(_rows.EventOf(content.RowIndex), _rows.EventOf(rowIndex), _rows.Device(rowIndex));
            }

            return RowOutcome.Duplicate;
        }

        return TakePlace(ref key, ref content, rowIndex);
    }

    // The flush's first reading of its content, of which none is stored.
    private RowOutcome Take(ref Key key, int rowIndex, Refusals refused)
    {
        var content = new KeyContent
        {
            RowIndex = rowIndex,
            LastRow = rowIndex,
            SeenInMessage = 1,
            IsRefused = IsRefused(rowIndex, refused),
        };
        var outcome = content.IsRefused ? RowOutcome.Refused : TakePlace(ref key, ref content, rowIndex);
        if (outcome != RowOutcome.TooManyCollisions)
        {
            AddContent(ref key, content);
        }

        return outcome;
    }

    private RowOutcome TakePlace(ref Key key, ref KeyContent content, int rowIndex)
    {
        var free = key.IsFull ? Instant.PerMillisecond : _places.FirstFree(key.FirstPlace);
        key.IsFull = free == Instant.PerMillisecond;
        if (key.IsFull)
        {
            return RowOutcome.TooManyCollisions;
        }

        key.FirstPlace = _places.Add(key.FirstPlace, free);
        content.Copies++;
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

    private void AddContent(ref Key key, KeyContent content)
    {
        if (_contentCount == _contents.Length)
        {
            Array.Resize(ref _contents, Math.Max(1_024, _contents.Length * 2));
        }

        content.NextIndex = key.FirstContent;
        _contents[_contentCount] = content;
        key.FirstContent = _contentCount++;
    }

    /// <summary>A stamp of a device, whose readings share a millisecond.</summary>
    private struct Key
    {
        /// <summary>The only row of the flush so far, at the stamp itself; -1 where there is none, or it is noted as others are.</summary>
        public int LoneRow;
        public int FirstContent;
        public int FirstPlace;
        public bool IsStored;
        public bool IsFull;

        /// <summary>Whether readings of it are in their places already, while others of their message are tried again.</summary>
        public bool HasNeighbours;
    }
}
