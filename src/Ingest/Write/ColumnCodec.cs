using Ingest.Columns;
using Ingest.Settings;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.Write;

/// <summary>Carries one mapped column between its buffer and the server, without boxing.</summary>
internal abstract class ColumnCodec
{
    public static ColumnCodec Create(ColumnDefinition definition) => definition.Type switch
    {
        ColumnType.Double => new ValueCodec<double>(NpgsqlDbType.Double),
        ColumnType.Real => new ValueCodec<float>(NpgsqlDbType.Real),
        ColumnType.Bigint => new ValueCodec<long>(NpgsqlDbType.Bigint),
        ColumnType.Integer => new ValueCodec<int>(NpgsqlDbType.Integer),
        ColumnType.Boolean => new ValueCodec<bool>(NpgsqlDbType.Boolean),
        ColumnType.Timestamptz => new ValueCodec<DateTime>(NpgsqlDbType.TimestampTz),
        ColumnType.Text => new TextCodec(),
        ColumnType.Jsonb => new JsonbCodec(),
        _ => throw new ArgumentOutOfRangeException(nameof(definition), definition.Type, "A column type without a codec"),
    };

    /// <summary>Starts an array parameter.</summary>
    public abstract void BeginArray();

    /// <summary>Adds a value to the array parameter.</summary>
    public abstract void AddToArray(ValueColumn column, int row);

    /// <summary>The array parameter; its buffer is used again by the next <see cref="BeginArray"/>.</summary>
    public abstract NpgsqlParameter EndArray();

    public abstract Task CopyAsync(NpgsqlBinaryImporter importer, ValueColumn column, int row, CancellationToken cancellationToken);

    /// <summary>Reads a stored value into the last row of <paramref name="column"/>, which is NULL so far.</summary>
    public abstract void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column);

    private sealed class ValueCodec<T>(NpgsqlDbType type) : ColumnCodec
        where T : struct
    {
        private readonly List<T?> _array = [];

        public override void BeginArray() => _array.Clear();

        public override void AddToArray(ValueColumn column, int row) =>
            _array.Add(column.IsNull(row) ? null : ((ValueColumn<T>)column).Values[row]);

        public override NpgsqlParameter EndArray() =>
            new NpgsqlParameter<List<T?>> { TypedValue = _array, NpgsqlDbType = NpgsqlDbType.Array | type };

        public override Task CopyAsync(NpgsqlBinaryImporter importer, ValueColumn column, int row, CancellationToken cancellationToken) =>
            column.IsNull(row)
                ? importer.WriteNullAsync(cancellationToken)
                : importer.WriteAsync(((ValueColumn<T>)column).Values[row], type, cancellationToken);

        public override void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column)
        {
            if (!reader.IsDBNull(ordinal))
            {
                ((ValueColumn<T>)column).SetLast(reader.GetFieldValue<T>(ordinal));
            }
        }
    }

    private abstract class StringCodec(NpgsqlDbType type) : ColumnCodec
    {
        private readonly List<string?> _array = [];

        public override void BeginArray() => _array.Clear();

        public override void AddToArray(ValueColumn column, int row) => _array.Add(Text(column, row));

        public override NpgsqlParameter EndArray() =>
            new NpgsqlParameter<List<string?>> { TypedValue = _array, NpgsqlDbType = NpgsqlDbType.Array | type };

        public override Task CopyAsync(NpgsqlBinaryImporter importer, ValueColumn column, int row, CancellationToken cancellationToken) =>
            Text(column, row) is { } text ? importer.WriteAsync(text, type, cancellationToken) : importer.WriteNullAsync(cancellationToken);

        protected abstract string? Text(ValueColumn column, int row);
    }

    private sealed class TextCodec() : StringCodec(NpgsqlDbType.Text)
    {
        protected override string? Text(ValueColumn column, int row) => column.IsNull(row) ? null : ((ValueColumn<string>)column).Values[row];

        public override void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column)
        {
            if (!reader.IsDBNull(ordinal))
            {
                ((ValueColumn<string>)column).SetLast(reader.GetString(ordinal));
            }
        }
    }

    private sealed class JsonbCodec() : StringCodec(NpgsqlDbType.Jsonb)
    {
        protected override string? Text(ValueColumn column, int row) =>
            column.IsNull(row) ? null : ((ValueColumn<JsonbValue>)column).Values[row].Canonical;

        // See StoredRows: it is compared where it is stored.
        public override void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column) => throw new NotSupportedException("A jsonb value is not read");
    }
}
