using System.Runtime.CompilerServices;
using Dapper;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;
using Ingest.Schema;
using Ingest.Settings;
using Npgsql;

namespace Ingest.Audit;

/// <summary>What an audit asks the database besides its readings' rows and dead letters.</summary>
internal sealed class AuditStore
{
    private const string NotKeptSql = """
        SELECT device AS "Device", sum(not_kept)::bigint AS "Count" FROM dead_letter_quotas WHERE device = ANY (@devices) GROUP BY device
        """;

    private const int FirstValue = 2;

    private readonly NpgsqlDataSource _dataSource;
    private readonly TargetTable _table;
    private readonly string _keysSql;
    private readonly string _valuesSql;

    public AuditStore(NpgsqlDataSource dataSource, TargetTable table)
    {
        _dataSource = dataSource;
        _table = table;
        var metric = table.MetricIndex is { } index ? TargetTable.Quote(table.Columns[index].Name) : null;
        _keysSql = $"""
            SELECT {table.QuotedTime}, {table.QuotedDevice}::text{(metric is null ? "" : $", {metric}")} FROM {table.Quoted}
            WHERE {table.QuotedTime} >= $1 AND {table.QuotedTime} < $2 ORDER BY {table.QuotedTime}
            """;
        var values = table.Columns.Select(
            column => column.Type == ColumnType.Jsonb ? "NULL::text" : TargetTable.Quote(column.Name));
        _valuesSql = $"""
            SELECT {table.QuotedTime}, {table.QuotedDevice}::text{string.Concat(values.Select(value => ", " + value))} FROM {table.Quoted}
            WHERE {table.QuotedTime} = $1 AND {table.QuotedDevice} = $2::text::{table.DeviceSqlType}{(metric is null ? "" : $" AND {metric} = $3")}
            """;
    }

    /// <summary>The rows of a stretch of time whose keys are not among those that messages explain.</summary>
    public async IAsyncEnumerable<StoredRow> RowsWithoutAsync(
        ExplainedRows explained, (DateTime From, DateTime To) range, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await _dataSource.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(_keysSql, connection) { CommandTimeout = 0 };
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = DateTime.SpecifyKind(range.From, DateTimeKind.Utc) });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = DateTime.SpecifyKind(range.To, DateTimeKind.Utc) });
        using var keys = explained.InOrder().GetEnumerator();
        var more = keys.MoveNext();
        var atTime = new HashSet<ulong>();
        Instant? time = null;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var row = new StoredRow(
                Instant.Of(reader.GetDateTime(0)), reader.GetString(1), _table.MetricIndex is null ? null : reader.GetString(FirstValue));
            if (row.Time != time)
            {
                time = row.Time;
                atTime.Clear();
                for (; more && keys.Current.Time <= row.Time; more = keys.MoveNext())
                {
                    if (keys.Current.Time == row.Time)
                    {
                        atTime.Add(keys.Current.Name);
                    }
                }
            }

            if (!atTime.Contains(RowKey.NameOf(row.Device, row.Metric)))
            {
                yield return row;
            }
        }
    }

    /// <summary>The values of a row as text; null if it is gone.</summary>
    public async Task<IReadOnlyDictionary<string, string?>?> ValuesAsync(StoredRow row, CancellationToken cancellationToken)
    {
        await using var connection = await _dataSource.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(_valuesSql, connection);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = row.Time.ToDateTime() });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = row.Device });
        if (row.Metric is not null)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = row.Metric });
        }

        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        using var values = new ReadingColumns(_table.Columns);
        values.BeginRow();
        for (var columnIndex = 0; columnIndex < _table.Columns.Count; columnIndex++)
        {
            if (_table.Columns[columnIndex].Type != ColumnType.Jsonb)
            {
                SqlTypes.Of(_table.Columns[columnIndex].Type).CreateCodec()
                    .Read(reader, columnIndex + FirstValue, values.Columns[columnIndex]);
            }
        }

        values.EndRow(row.Time.FloorToMillisecond(), row.Device, -1, -1);
        var texts = new Dictionary<string, string?>(RowText.Of(values, 0), StringComparer.Ordinal);
        foreach (var column in _table.Columns.Where(column => column.Type == ColumnType.Jsonb))
        {
            texts[column.Name] = ReadingAudit.UnreadJson;
        }

        return texts;
    }

    /// <summary>How many dead letters of devices were counted and not kept, since the beginning of what the quotas remember.</summary>
    public async Task<IReadOnlyDictionary<string, long>> NotKeptAsync(
        IReadOnlyCollection<string> devices, CancellationToken cancellationToken)
    {
        if (devices.Count == 0)
        {
            return new Dictionary<string, long>();
        }

        await using var connection = await _dataSource.OpenConnectionAsync(cancellationToken);
        var counts = await connection.QueryAsync<(string Device, long Count)>(
            new CommandDefinition(NotKeptSql, new { devices = devices.ToArray() }, cancellationToken: cancellationToken));
        return counts.ToDictionary(count => count.Device, count => count.Count, StringComparer.Ordinal);
    }
}
