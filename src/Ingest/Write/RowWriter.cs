using Ingest.Columns.Types;
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
    public async Task<long> CopyAsync(NpgsqlConnection connection, FlushRows rows, ReadOnlyMemory<int> which, Action underWay, CancellationToken cancellationToken)
    {
        await using var importer = await connection.BeginBinaryImportAsync(Table.CopySql, cancellationToken);
        for (var next = 0; next < which.Length; next++)
        {
            var row = which.Span[next];
            await importer.StartRowAsync(cancellationToken);
            await importer.WriteAsync(rows.Times[row].ToDateTime(), NpgsqlDbType.TimestampTz, cancellationToken);
            await importer.WriteAsync(rows.Device(row), NpgsqlDbType.Text, cancellationToken);
            var columns = rows.ReadingsOf(row).Columns;
            for (var column = 0; column < _codecs.Length; column++)
            {
                await _codecs[column].CopyAsync(importer, columns[column], rows.RowOf(row), cancellationToken);
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
        for (var row = start; row < start + length; row++)
        {
            if (!rows.IsNew(row))
            {
                continue;
            }

            times.Add(rows.Times[row].ToDateTime());
            devices.Add(rows.Device(row));
            var columns = rows.ReadingsOf(row).Columns;
            for (var column = 0; column < _codecs.Length; column++)
            {
                _codecs[column].AddToArray(columns[column], rows.RowOf(row));
            }
        }

        var command = new NpgsqlBatchCommand(Table.UpsertSql);
        command.Parameters.Add(new NpgsqlParameter<List<DateTime>> { TypedValue = times, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new NpgsqlParameter<List<string>> { TypedValue = devices, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        foreach (var codec in _codecs)
        {
            command.Parameters.Add(codec.EndArray());
        }

        return command;
    }
}
