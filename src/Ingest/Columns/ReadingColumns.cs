using Ingest.Columns.Types;
using Ingest.Events;

namespace Ingest.Columns;

/// <summary>
/// The readings of a batch as columns in pooled buffers: no object per reading. A decoder appends (<see cref="BeginRow"/>, set the values,
/// <see cref="EndRow"/> or <see cref="AbandonRow"/>), a writer reads, and <see cref="Dispose"/> gives the buffers back.
/// </summary>
public sealed class ReadingColumns : IDisposable
{
    private readonly PooledBuffer<Instant> _stamps = new();
    private readonly PooledBuffer<string> _devices = new();
    private readonly PooledBuffer<int> _eventIndexes = new();
    private readonly PooledBuffer<int> _elementIndexes = new();
    private readonly ValueColumn[] _columns;

    public ReadingColumns(IReadOnlyList<ColumnDefinition> definitions)
    {
        ArgumentNullException.ThrowIfNull(definitions);
        _columns = [.. definitions.Select(definition => SqlTypes.For(definition).CreateColumn(definition))];
    }

    /// <summary>Complete rows.</summary>
    public int Count { get; private set; }

    /// <summary>The value columns, in the order of the definitions.</summary>
    public IReadOnlyList<ValueColumn> Columns => _columns;

    /// <summary>The same, for the decoder: an array's items are reached without a call.</summary>
    internal ValueColumn[] ColumnArray => _columns;

    /// <summary>IoT Hub's stamp of each row, on a whole millisecond.</summary>
    public ReadOnlySpan<Instant> Stamps => _stamps.Span[..Count];

    public ReadOnlySpan<string> Devices => _devices.Span[..Count];

    /// <summary>The index of each row's message in its batch.</summary>
    public ReadOnlySpan<int> EventIndexes => _eventIndexes.Span[..Count];

    /// <summary>The index of each row in its body's array, or -1 where the body is one object.</summary>
    public ReadOnlySpan<int> ElementIndexes => _elementIndexes.Span[..Count];

    /// <summary>Starts a row with every value NULL.</summary>
    public void BeginRow()
    {
        foreach (var column in _columns)
        {
            column.AppendNull();
        }
    }

    /// <summary>Completes the row that <see cref="BeginRow"/> started.</summary>
    public void EndRow(Instant stamp, string device, int eventIndex, int elementIndex)
    {
        _stamps.Append(stamp);
        _devices.Append(device);
        _eventIndexes.Append(eventIndex);
        _elementIndexes.Append(elementIndex);
        Count++;
    }

    /// <summary>Takes back the row that <see cref="BeginRow"/> started.</summary>
    public void AbandonRow()
    {
        foreach (var column in _columns)
        {
            column.RemoveLast();
        }
    }

    /// <summary>Whether two rows have equal values, each in its column's exact type.</summary>
    internal static bool SameValues(ReadingColumns readings, int rowIndex, ReadingColumns others, int otherIndex)
    {
        for (var columnIndex = 0; columnIndex < readings._columns.Length; columnIndex++)
        {
            if (!readings._columns[columnIndex].SameValue(rowIndex, others._columns[columnIndex], otherIndex))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Empties the columns and keeps their buffers.</summary>
    public void Clear() => Truncate(0);

    /// <summary>Takes back all but the first <paramref name="count"/> rows, and the row in the making.</summary>
    public void Truncate(int count)
    {
        Count = count;
        _stamps.Truncate(count);
        _devices.Truncate(count);
        _eventIndexes.Truncate(count);
        _elementIndexes.Truncate(count);
        foreach (var column in _columns)
        {
            column.Truncate(count);
        }
    }

    public void Dispose()
    {
        Count = 0;
        _stamps.Dispose();
        _devices.Dispose();
        _eventIndexes.Dispose();
        _elementIndexes.Dispose();
        foreach (var column in _columns)
        {
            column.Dispose();
        }
    }
}
