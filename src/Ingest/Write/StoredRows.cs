using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;
using Ingest.Schema;
using Ingest.Settings;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.Write;

/// <summary>
/// Reads the stored rows that readings are compared with. A jsonb value is not read: the server says which of the readings' values it
/// equals. So what it takes for equal is equal here, and it need not write out what a device sent, which it may not be able to:
/// <c>1e131071</c>, nine thousand times, is stored in some kilobytes and has more than a gigabyte of digits. Its buffers are used again.
/// </summary>
internal sealed class StoredRows(TargetTable table)
{
    // A nested loop would compare each of thousands of rows with each of thousands of values, and is what the planner takes where it
    // expects few rows (statistics are behind what was written last). For this transaction alone.
    private const string NoNestedLoopsSql = "SET LOCAL enable_nestloop = off";

    // Equal to none of the readings': no JSON is empty.
    private static readonly JsonbValue AnotherValue = new("");

    private readonly ColumnCodec[] _codecs = [.. table.Columns.Select(column => SqlTypes.Of(column.Type).CreateCodec())];
    private readonly int[] _jsonColumnIndexes =
        [.. Enumerable.Range(0, table.Columns.Count).Where(columnIndex => table.Columns[columnIndex].Type == ColumnType.Jsonb)];

    // Devices of stored rows: the same names again and again.
    private readonly StringCache _devices = new();
    private readonly byte[] _device = new byte[256];

    /// <summary>Reads every stored row that has the key of one of the readings.</summary>
    /// <param name="connection">Where from. A transaction is open if the table has jsonb columns.</param>
    /// <param name="rows">The readings.</param>
    /// <param name="windows">The stretches of time that hold their stamps.</param>
    /// <param name="stored">The buffer for the rows' values; emptied first.</param>
    /// <param name="receiver">Takes the rows.</param>
    /// <param name="underWay">Called when the server has been asked.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    public async Task ReadAsync(
        NpgsqlConnection connection,
        FlushRows rows,
        IReadOnlyList<StampWindow> windows,
        ReadingColumns stored,
        IStoredRowReceiver receiver,
        Action underWay,
        CancellationToken cancellationToken)
    {
        stored.Clear();
        if (windows.Count == 0)
        {
            return;
        }

        await using var batch = new NpgsqlBatch(connection);
        if (_jsonColumnIndexes.Length > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(NoNestedLoopsSql));
        }

        var sought = new Queue<List<string>[]>();
        foreach (var window in windows)
        {
            var values = Sought(rows, window);
            sought.Enqueue(values);
            batch.BatchCommands.Add(Select(window, values));
        }

        underWay();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            var values = sought.Dequeue();
            while (await reader.ReadAsync(cancellationToken))
            {
                Read(reader, values, receiver, stored);
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
    }

    private NpgsqlBatchCommand Select(StampWindow window, List<string>[] values)
    {
        var select = new NpgsqlBatchCommand(table.WindowSql)
        {
            Parameters =
            {
                new NpgsqlParameter<DateTime> { TypedValue = window.Start.ToDateTime() },
                new NpgsqlParameter<DateTime> { TypedValue = window.End.ToDateTime() },
            },
        };
        foreach (var column in values)
        {
            select.Parameters.Add(
                new NpgsqlParameter<List<string>> { TypedValue = column, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb });
        }

        return select;
    }

    // By jsonb column: the readings' different values whose rows can have an equal in this stretch of time.
    private List<string>[] Sought(FlushRows rows, StampWindow window)
    {
        var values = new List<string>[_jsonColumnIndexes.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var different = new HashSet<string>(StringComparer.Ordinal);
            for (var rowIndex = 0; rowIndex < rows.Count; rowIndex++)
            {
                var column = (ValueColumn<JsonbValue>)rows.ReadingsOf(rowIndex).Columns[_jsonColumnIndexes[i]];
                if (rows.Stamp(rowIndex) >= window.Start && rows.Stamp(rowIndex) < window.End && !column.IsNull(rows.RowIndexOf(rowIndex)))
                {
                    different.Add(column.Values[rows.RowIndexOf(rowIndex)].Canonical);
                }
            }

            values[i] = [.. different];
        }

        return values;
    }

    private void Read(NpgsqlDataReader reader, List<string>[] sought, IStoredRowReceiver receiver, ReadingColumns stored)
    {
        var time = Instant.Of(reader.GetDateTime(0));
        var length = (int)reader.GetBytes(1, 0, _device, 0, _device.Length);
        var device = length < _device.Length ? _devices.FromUtf8(_device.AsSpan(0, length)) : reader.GetString(1);
        var stamp = time.FloorToMillisecond();
        var keyIndex = receiver.KeyIndexOf(stamp, device, table.MetricIndex is { } metricIndex ? reader.GetString(metricIndex + 2) : null);
        if (keyIndex < 0)
        {
            return;
        }

        stored.BeginRow();
        var jsonIndex = 0;
        for (var columnIndex = 0; columnIndex < _codecs.Length; columnIndex++)
        {
            if (stored.Columns[columnIndex] is ValueColumn<JsonbValue> values)
            {
                Set(values, reader.GetInt64(columnIndex + 2), sought[jsonIndex++]);
            }
            else
            {
                _codecs[columnIndex].Read(reader, columnIndex + 2, stored.Columns[columnIndex]);
            }
        }

        stored.EndRow(stamp, device, -1, -1);
        receiver.AddStored(keyIndex, time, stored, stored.Count - 1);
    }

    private static void Set(ValueColumn<JsonbValue> column, long number, List<string> sought)
    {
        if (number != TargetTable.NoValue)
        {
            column.SetLast(number == TargetTable.AnotherValue ? AnotherValue : new JsonbValue(sought[(int)number - 1]));
        }
    }
}
