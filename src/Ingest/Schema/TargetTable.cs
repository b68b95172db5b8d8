using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Decode;
using Ingest.Settings;
using Npgsql;

namespace Ingest.Schema;

/// <summary>
/// The table that takes the readings, and the statements on it. Names from settings are quoted; values are always parameters.
/// </summary>
public sealed class TargetTable
{
    /// <summary>Read in place of a jsonb value: the row has none.</summary>
    internal const long NoValue = -1;

    /// <summary>
    /// Read in place of a jsonb value: it equals none of those that were asked for. Else the number of the one it equals, from 1.
    /// </summary>
    internal const long AnotherValue = 0;

    private const int NewestRows = 10_000;

    private static readonly NpgsqlCommandBuilder Quoting = new();

    /// <param name="schema">The table's schema, unquoted; null where the server's search path decides.</param>
    /// <param name="table">The table, unquoted.</param>
    /// <param name="columns">The mapped columns besides those of time and device.</param>
    /// <param name="key">The columns of time and device; null for <c>time</c> and <c>device</c>.</param>
    public TargetTable(string? schema, string table, IReadOnlyList<ColumnDefinition> columns, KeyColumns? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(table);
        ArgumentNullException.ThrowIfNull(columns);
        Columns = columns;
        Key = key ?? new KeyColumns();
        Name = schema is null ? table : $"{schema}.{table}";
        Quoted = schema is null ? Quote(table) : $"{Quote(schema)}.{Quote(table)}";
        QuotedTime = Quote(Key.Time);
        QuotedDevice = Quote(Key.Device);
        QuotedKey = string.Join(", ", Key.Names.Select(Quote));
        MetricIndex = Key.Metric is null ? null : columns.Index().Single(column => column.Item.Name == Key.Metric).Index;
        var list = $"{QuotedTime}, {QuotedDevice}" + string.Concat(columns.Select(column => ", " + Quote(column.Name)));
        CopySql = $"COPY {Quoted} ({list}) FROM STDIN (FORMAT BINARY)";
        var device = DeviceSqlType;
        var arrays = columns.Select((column, index) => $"${index + 3}::{SqlTypes.Of(column.Type).Name}[]");
        UpsertSql = $"""
            INSERT INTO {Quoted} ({list})
            SELECT * FROM unnest($1::timestamptz[], $2::text[]::{device}[]{string.Concat(arrays.Select(array => ", " + array))})
            ON CONFLICT ({QuotedKey}) DO NOTHING
            """;

        WindowSql = Window();
        var values = string.Concat(columns.Select(column => ", " + Quote(column.Name)));
        WitnessSql = $"""
            INSERT INTO {Quoted} ({list})
            SELECT $1, {QuotedDevice}{values}
            FROM (SELECT {QuotedDevice}{values} FROM {Quoted} ORDER BY {QuotedTime} DESC LIMIT {NewestRows}) AS newest
            WHERE ({QuotedDevice} = ANY ($2::text[]::{device}[])) = $3 LIMIT 1
            ON CONFLICT ({QuotedKey}) DO NOTHING
            """;
        BareSql = $"""
            INSERT INTO {Quoted} ({QuotedKey}) VALUES ($1, $2::text::{device}{(MetricIndex is null ? "" : ", $2")})
            ON CONFLICT ({QuotedKey}) DO NOTHING
            """;
    }

    public static TargetTable Of(TelemetryMapping mapping)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        return new TargetTable(mapping.Schema, mapping.Table, mapping.TableColumns, mapping.Key);
    }

    /// <summary>The name as the settings give it.</summary>
    public string Name { get; }

    /// <summary>The name in SQL.</summary>
    public string Quoted { get; }

    public KeyColumns Key { get; }

    /// <summary>The column of time, in SQL.</summary>
    public string QuotedTime { get; }

    /// <summary>The device's column, in SQL.</summary>
    public string QuotedDevice { get; }

    /// <summary>The device's type, in SQL.</summary>
    internal string DeviceSqlType => Key.DeviceType == DeviceType.Uuid ? "uuid" : "text";

    /// <summary>All columns of the key, in SQL.</summary>
    public string QuotedKey { get; }

    /// <summary>Which of the columns is the metric's, in a narrow table.</summary>
    public int? MetricIndex { get; }

    public IReadOnlyList<ColumnDefinition> Columns { get; }

    internal string CopySql { get; }

    internal string UpsertSql { get; }

    /// <summary>
    /// The rows of a stretch of time, from $1 on and before $2; in place of each jsonb value, which of the values of the next parameter it
    /// equals.
    /// </summary>
    internal string WindowSql { get; }

    /// <summary>
    /// Stores the newest row whose device is among $2 ($3 true) or is not (false) again, at the time $1; to be rolled back. Searches only
    /// the newest rows, so that a table of one device is not read to its beginning.
    /// </summary>
    internal string WitnessSql { get; }

    /// <summary>Stores a row of the time $1 and the device $2 and nothing else: to be rolled back.</summary>
    internal string BareSql { get; }

    // The bounds are constants when the statement is planned (it is never prepared), so chunks outside are not even opened.
    private string Window()
    {
        var select = new List<string> { $"t.{QuotedTime}", $"t.{QuotedDevice}::text" };
        var joins = new List<string>();
        foreach (var column in Columns)
        {
            var name = $"t.{Quote(column.Name)}";
            if (column.Type != ColumnType.Jsonb)
            {
                select.Add(name);
                continue;
            }

            var values = $"v{joins.Count}";
            select.Add($"CASE WHEN {name} IS NULL THEN {NoValue} ELSE coalesce({values}.number, {AnotherValue}) END");
            joins.Add(
                $" LEFT JOIN unnest(${joins.Count + 3}::jsonb[]) WITH ORDINALITY AS {values}(value, number) ON {values}.value = {name}");
        }

        return $"SELECT {string.Join(", ", select)} FROM {Quoted} AS t{string.Concat(joins)}"
            + $" WHERE t.{QuotedTime} >= $1 AND t.{QuotedTime} < $2";
    }

    internal static string Quote(string identifier) => Quoting.QuoteIdentifier(identifier);
}
