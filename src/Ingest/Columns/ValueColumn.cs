using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>The values of one mapped column. A value is set on the last row, the one being decoded.</summary>
public abstract class ValueColumn(ColumnDefinition definition) : IDisposable
{
    public ColumnDefinition Definition { get; } = definition;

    public abstract bool IsNull(int row);

    /// <summary>Whether two rows hold the same value in the column's exact type: NULL equals NULL, NaN equals NaN.</summary>
    public abstract bool SameValue(int row, ValueColumn other, int otherRow);

    /// <summary>Makes the value of the last row NULL again (the last of repeated names wins).</summary>
    public abstract void SetLastNull();

    internal abstract void AppendNull();

    internal abstract void RemoveLast();

    internal abstract void Truncate(int count);

    public abstract void Dispose();

    internal static ValueColumn Create(ColumnDefinition definition) => definition.Type switch
    {
        ColumnType.Double => new ValueColumn<double>(definition),
        ColumnType.Real => new ValueColumn<float>(definition),
        ColumnType.Bigint => new ValueColumn<long>(definition),
        ColumnType.Integer => new ValueColumn<int>(definition),
        ColumnType.Boolean => new ValueColumn<bool>(definition),
        ColumnType.Text => new ValueColumn<string>(definition),
        ColumnType.Timestamptz => new ValueColumn<DateTime>(definition),
        ColumnType.Jsonb => new ValueColumn<JsonbValue>(definition),
        _ => throw new ArgumentOutOfRangeException(nameof(definition), definition.Type, "A column type without a buffer"),
    };
}

/// <summary>
/// The values of one column: <c>double</c>, <c>float</c>, <c>long</c>, <c>int</c>, <c>bool</c>, <c>string</c>, <c>DateTime</c> (UTC, whole
/// microseconds) or <see cref="JsonbValue"/>.
/// </summary>
public sealed class ValueColumn<T>(ColumnDefinition definition) : ValueColumn(definition)
{
    // EqualityComparer<double>.Default says NaN equals NaN and 0.0 equals -0.0, as PostgreSQL does.
    private static readonly EqualityComparer<T> Comparer = EqualityComparer<T>.Default;

    private readonly PooledBuffer<T> _values = new();
    private readonly PooledBuffer<bool> _present = new();

    /// <summary>The values; where <see cref="IsNull"/>, the type's default.</summary>
    public ReadOnlySpan<T> Values => _values.Span;

    public override bool IsNull(int row) => !_present.Span[row];

    public override bool SameValue(int row, ValueColumn other, int otherRow)
    {
        var same = (ValueColumn<T>)other;
        var present = _present.Span[row];
        return present == same._present.Span[otherRow]
            && (!present || Comparer.Equals(_values.Span[row], same._values.Span[otherRow]));
    }

    /// <summary>Sets the value of the last row.</summary>
    public void SetLast(T value)
    {
        _values.Span[^1] = value;
        _present.Span[^1] = true;
    }

    public override void SetLastNull()
    {
        _values.Span[^1] = default!;
        _present.Span[^1] = false;
    }

    internal override void AppendNull()
    {
        _values.Append(default!);
        _present.Append(false);
    }

    internal override void RemoveLast()
    {
        _values.RemoveLast();
        _present.RemoveLast();
    }

    internal override void Truncate(int count)
    {
        _values.Truncate(count);
        _present.Truncate(count);
    }

    public override void Dispose()
    {
        _values.Dispose();
        _present.Dispose();
    }
}
