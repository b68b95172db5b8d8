using Npgsql;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>Carries one mapped column between its buffer and the server, without boxing.</summary>
internal abstract class ColumnCodec
{
    /// <summary>Starts an array parameter.</summary>
    public abstract void BeginArray();

    /// <summary>Adds a value to the array parameter.</summary>
    public abstract void AddToArray(ValueColumn column, int rowIndex);

    /// <summary>The array parameter; its buffer is used again by the next <see cref="BeginArray"/>.</summary>
    public abstract NpgsqlParameter EndArray();

    public abstract Task CopyAsync(NpgsqlBinaryImporter importer, ValueColumn column, int rowIndex, CancellationToken cancellationToken);

    /// <summary>Reads a stored value into the last row of <paramref name="column"/>, which is NULL so far.</summary>
    public abstract void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column);
}

/// <summary>The codec of a type that Npgsql knows by the same value type.</summary>
internal sealed class ValueCodec<T>(NpgsqlDbType type) : ColumnCodec
    where T : struct
{
    private readonly List<T?> _array = [];

    public override void BeginArray() => _array.Clear();

    public override void AddToArray(ValueColumn column, int rowIndex) =>
        _array.Add(column.IsNull(rowIndex) ? null : ((ValueColumn<T>)column).Values[rowIndex]);

    public override NpgsqlParameter EndArray() =>
        new NpgsqlParameter<List<T?>> { TypedValue = _array, NpgsqlDbType = NpgsqlDbType.Array | type };

    public override Task CopyAsync(NpgsqlBinaryImporter importer, ValueColumn column, int rowIndex, CancellationToken cancellationToken) =>
        column.IsNull(rowIndex)
            ? importer.WriteNullAsync(cancellationToken)
            : importer.WriteAsync(((ValueColumn<T>)column).Values[rowIndex], type, cancellationToken);

    public override void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column)
    {
        if (!reader.IsDBNull(ordinal))
        {
            ((ValueColumn<T>)column).SetLast(reader.GetFieldValue<T>(ordinal));
        }
    }
}

/// <summary>The codec of a type that goes to the server as text.</summary>
internal abstract class StringCodec(NpgsqlDbType type) : ColumnCodec
{
    private readonly List<string?> _array = [];

    public override void BeginArray() => _array.Clear();

    public override void AddToArray(ValueColumn column, int rowIndex) => _array.Add(Text(column, rowIndex));

    public override NpgsqlParameter EndArray() =>
        new NpgsqlParameter<List<string?>> { TypedValue = _array, NpgsqlDbType = NpgsqlDbType.Array | type };

    public override Task CopyAsync(NpgsqlBinaryImporter importer, ValueColumn column, int rowIndex, CancellationToken cancellationToken) =>
        Text(column, rowIndex) is { } text ? importer.WriteAsync(text, type, cancellationToken) : importer.WriteNullAsync(cancellationToken);

    protected abstract string? Text(ValueColumn column, int rowIndex);
}
