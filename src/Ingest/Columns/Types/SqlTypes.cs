using Ingest.Settings;

namespace Ingest.Columns.Types;

/// <summary>Every type of columns, a row each. A new one is a member of <see cref="ColumnType"/>, a row here and its class.</summary>
internal static class SqlTypes
{
    private static readonly Dictionary<ColumnType, SqlType> Rows = new()
    {
        [ColumnType.Double] = new DoubleType(),
        [ColumnType.Real] = new RealType(),
        [ColumnType.Bigint] = new BigintType(),
        [ColumnType.Integer] = new IntegerType(),
        [ColumnType.Boolean] = new BooleanType(),
        [ColumnType.Text] = new TextType(),
        [ColumnType.Timestamptz] = new TimestamptzType(),
        [ColumnType.Jsonb] = new JsonbType(),
    };

    public static SqlType Of(ColumnType type) =>
        Rows.TryGetValue(type, out var row) ? row : throw new ArgumentOutOfRangeException(nameof(type), type, "A column type without a row");
}
