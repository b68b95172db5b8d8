using Ingest.Columns.Types;
using Ingest.Schema;
using Ingest.Settings;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.Write;

/// <summary>Sends new rows to the table, by COPY or by upsert. Its buffers are used again.</summary>
internal sealed class RowWriter(TargetTable table)
{
    private readonly ColumnCodec[] _codecs = [.. table.Columns.Select(column => SqlTypes.Of(column.Type).CreateCodec())];

    public TargetTable Table { get; } = table;

    /// <summary>Copies rows, in the order given.</summary>
    /// <param name="connection">Where to.</param>
    /// <param name="rows">The rows of the flush.</param>
    /// <param name="which">Those to copy.</param>
    /// <param name="underWay">Called when all is sent.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    /// <returns>How many rows the server took.</returns>
    public async Task<long> CopyAsync(
        NpgsqlConnection connection,
        FlushRows rows,
        ReadOnlyMemory<int> which,
        Action underWay,
        CancellationToken cancellationToken)
    {
        await using var importer = await connection.BeginBinaryImportAsync(Table.CopySql, cancellationToken);
        for (var next = 0; next < which.Length; next++)
        {
            var rowIndex = which.Span[next];
            await importer.StartRowAsync(cancellationToken);
            await importer.WriteAsync(rows.Times[rowIndex].ToDateTime(), NpgsqlDbType.TimestampTz, cancellationToken);
            await (Table.Key.DeviceType == DeviceType.Uuid
                ? importer.WriteAsync(Guid.Parse(rows.Device(rowIndex)), NpgsqlDbType.Uuid, cancellationToken)
                : importer.WriteAsync(rows.Device(rowIndex), NpgsqlDbType.Text, cancellationToken));
            var columns = rows.ReadingsOf(rowIndex).Columns;
            for (var columnIndex = 0; columnIndex < _codecs.Length; columnIndex++)
            {
                await _codecs[columnIndex].CopyAsync(importer, columns[columnIndex], rows.RowIndexOf(rowIndex), cancellationToken);
            }
        }

        underWay();
        return (long)await importer.CompleteAsync(cancellationToken);
    }

    /// <summary>The upsert of the new ones of the rows in a range. It must be executed before the next one is made.</summary>
    public NpgsqlBatchCommand Upsert(FlushRows rows, Range range)
    {
        var times = new List<DateTime>();
        var devices = new List<string>();
        foreach (var codec in _codecs)
        {
            codec.BeginArray();
        }

        var (start, length) = range.GetOffsetAndLength(rows.Count);
        for (var rowIndex = start; rowIndex < start + length; rowIndex++)
        {
            if (!rows.IsNew(rowIndex))
            {
                continue;
            }

            times.Add(rows.Times[rowIndex].ToDateTime());
            devices.Add(rows.Device(rowIndex));
            var columns = rows.ReadingsOf(rowIndex).Columns;
            for (var columnIndex = 0; columnIndex < _codecs.Length; columnIndex++)
            {
                _codecs[columnIndex].AddToArray(columns[columnIndex], rows.RowIndexOf(rowIndex));
            }
        }

        var command = new NpgsqlBatchCommand(Table.UpsertSql);
        command.Parameters.Add(
            new NpgsqlParameter<List<DateTime>> { TypedValue = times, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        command.Parameters.Add(
            new NpgsqlParameter<List<string>> { TypedValue = devices, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        foreach (var codec in _codecs)
        {
            command.Parameters.Add(codec.EndArray());
        }

        return command;
    }
}
