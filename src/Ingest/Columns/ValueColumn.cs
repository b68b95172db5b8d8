using Ingest.Columns.Types;

namespace Ingest.Columns;

/// <summary>The values of one mapped column. A value is set on the last row, the one being decoded.</summary>
public abstract class ValueColumn : IDisposable
{
    private protected ValueColumn(ColumnDefinition definition, SqlType type)
    {
        Definition = definition;
        Type = type;
    }

    public ColumnDefinition Definition { get; }

    internal SqlType Type { get; }

    public abstract bool IsNull(int rowIndex);

    /// <summary>Whether two rows hold the same value in the column's exact type: NULL equals NULL, NaN equals NaN.</summary>
    public abstract bool SameValue(int rowIndex, ValueColumn other, int otherIndex);

    /// <summary>Makes the value of the last row NULL again (the last of repeated names wins).</summary>
    public abstract void SetLastNull();

    /// <summary>Sets the value of the last row to one of JSON, or says why it cannot be taken.</summary>
    internal abstract ValueFault Read(in JsonToken json, ValueScratch scratch);

    /// <summary>Sets the value of the last row to that of an application property, or says why it cannot be taken.</summary>
    internal abstract ValueFault Read(object property, ValueScratch scratch);

    internal abstract void AppendNull();

    internal abstract void RemoveLast();

    internal abstract void Truncate(int count);

    public abstract void Dispose();
}

/// <summary>
/// The values of one column: <c>double</c>, <c>float</c>, <c>long</c>, <c>int</c>, <c>bool</c>, <c>string</c>, <c>DateTime</c> (UTC, whole
/// microseconds) or <see cref="JsonbValue"/>.
/// </summary>
public sealed class ValueColumn<T> : ValueColumn
{
    // EqualityComparer<double>.Default says NaN equals NaN and 0.0 equals -0.0, as PostgreSQL does.
    private static readonly EqualityComparer<T> Comparer = EqualityComparer<T>.Default;

    private readonly SqlType<T> _type;
    private readonly PooledBuffer<T> _values = new();
    private readonly PooledBuffer<bool> _present = new();

    internal ValueColumn(ColumnDefinition definition, SqlType<T> type)
        : base(definition, type) => _type = type;

    /// <summary>The values; where <see cref="IsNull"/>, the type's default.</summary>
    public ReadOnlySpan<T> Values => _values.Span;

    public override bool IsNull(int rowIndex) => !_present.Span[rowIndex];

    public override bool SameValue(int rowIndex, ValueColumn other, int otherIndex)
    {
        var same = (ValueColumn<T>)other;
        var present = _present.Span[rowIndex];
        return present == same._present.Span[otherIndex]
            && (!present || Comparer.Equals(_values.Span[rowIndex], same._values.Span[otherIndex]));
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

    internal override ValueFault Read(in JsonToken json, ValueScratch scratch)
    {
        var fault = _type.Read(json, scratch, out var value);
        if (fault == ValueFault.None)
        {
            SetLast(value);
        }

        return fault;
    }

    internal override ValueFault Read(object property, ValueScratch scratch)
    {
        var fault = _type.Read(property, scratch, out var value);
        if (fault == ValueFault.None)
        {
            SetLast(value);
        }

        return fault;
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
