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

    // Those that values of another JSON type can be converted to.
    private static readonly Dictionary<ColumnType, SqlType> Converting = new()
    {
        [ColumnType.Double] = new ConvertingType<double>(new DoubleType(), Conversions.ToNumber, Conversions.NumberInText),
        [ColumnType.Real] = new ConvertingType<float>(new RealType(), Conversions.ToNumber, Conversions.NumberInText),
        [ColumnType.Bigint] = new ConvertingType<long>(new BigintType(), Conversions.ToNumber, Conversions.NumberInText),
        [ColumnType.Integer] = new ConvertingType<int>(new IntegerType(), Conversions.ToNumber, Conversions.NumberInText),
        [ColumnType.Boolean] = new ConvertingType<bool>(new BooleanType(), Conversions.ToBoolean, Conversions.TruthInText),
        [ColumnType.Text] = new ConvertingType<string>(new TextType(), Conversions.ToText, "a number, or true or false"),
    };

    /// <summary>Whether values of another JSON type can be converted to it.</summary>
    public static bool Converts(ColumnType type) => Converting.ContainsKey(type);

    /// <summary>The type of a column, with how it reads values.</summary>
    public static SqlType For(ColumnDefinition column) =>
        column.Type == ColumnType.Timestamptz ? new TimestamptzType(new TimeReader(column.Format, column.Zone))
        : column.Convert ? Converting[column.Type]
        : Of(column.Type);

    public static SqlType Of(ColumnType type) =>
        Rows.TryGetValue(type, out var row) ? row : throw new ArgumentOutOfRangeException(
            nameof(type), type, "A column type without a row");
}
