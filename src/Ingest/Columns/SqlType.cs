using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>What PostgreSQL calls the types of columns: in statements, and in sentences about them.</summary>
internal static class SqlType
{
    public static string NameOf(ColumnType type) => type switch
    {
        ColumnType.Double => "double precision",
        ColumnType.Real => "real",
        ColumnType.Bigint => "bigint",
        ColumnType.Integer => "integer",
        ColumnType.Boolean => "boolean",
        ColumnType.Text => "text",
        ColumnType.Timestamptz => "timestamptz",
        ColumnType.Jsonb => "jsonb",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A column type without a name"),
    };
}
