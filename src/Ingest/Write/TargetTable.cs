using Ingest.Columns;
using Ingest.Decode;
using Npgsql;

namespace Ingest.Write;

/// <summary>The table that takes the readings, and the statements on it. Names from settings are quoted; values are always parameters.</summary>
public sealed class TargetTable
{
    private static readonly NpgsqlCommandBuilder Quoting = new();

    /// <param name="schema">The table's schema, unquoted; null where the server's search path decides.</param>
    /// <param name="table">The table, unquoted.</param>
    /// <param name="columns">The mapped columns besides <c>time</c> and <c>device</c>.</param>
    public TargetTable(string? schema, string table, IReadOnlyList<ColumnDefinition> columns)
    {
        ArgumentException.ThrowIfNullOrEmpty(table);
        ArgumentNullException.ThrowIfNull(columns);
        Columns = columns;
        Name = schema is null ? table : $"{schema}.{table}";
        Quoted = schema is null ? Quote(table) : $"{Quote(schema)}.{Quote(table)}";
        var list = string.Join(", ", columns.Select(column => Quote(column.Name)).Prepend("device").Prepend("time"));
        CopySql = $"COPY {Quoted} ({list}) FROM STDIN (FORMAT BINARY)";
        var arrays = columns.Select((column, index) => $"${index + 3}::{SqlType.NameOf(column.Type)}[]");
        UpsertSql = $"""
            INSERT INTO {Quoted} ({list})
            SELECT * FROM unnest($1::timestamptz[], $2::text[]{string.Concat(arrays.Select(array => ", " + array))})
            ON CONFLICT (time, device) DO NOTHING
            """;

        // The bounds are constants when the statement is planned (it is never prepared), so chunks outside are not even opened.
        WindowSql = $"SELECT {list} FROM {Quoted} WHERE time >= $1 AND time < $2";
    }

    public static TargetTable Of(TelemetryMapping mapping)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        return new TargetTable(mapping.Schema, mapping.Table, mapping.Columns);
    }

    /// <summary>The name as the settings give it.</summary>
    public string Name { get; }

    /// <summary>The name in SQL.</summary>
    public string Quoted { get; }

    public IReadOnlyList<ColumnDefinition> Columns { get; }

    internal string CopySql { get; }

    internal string UpsertSql { get; }

    internal string WindowSql { get; }

    private static string Quote(string identifier) => Quoting.QuoteIdentifier(identifier);
}
