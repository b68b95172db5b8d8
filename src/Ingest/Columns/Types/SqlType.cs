namespace Ingest.Columns.Types;

/// <summary>
/// All that is particular to one type of columns: what PostgreSQL and its readers call it, its buffer, its codec, and what values it takes.
/// <see cref="SqlTypes"/> lists the types.
/// </summary>
internal abstract class SqlType(string name, string expected)
{
    /// <summary>What PostgreSQL calls it in a statement.</summary>
    public string Name { get; } = name;

    /// <summary>What a value has to be, in the words of a rejection.</summary>
    public string Expected { get; } = expected;

    /// <summary>What the catalog calls the types of columns that keep each of its values as it is; the first one is what to advise.</summary>
    public IReadOnlyList<string> Fitting { get; protected init; } = [name];

    /// <summary>Whether it takes JSON of any kind, whole, once its reading is complete; the others take one string, number or truth value as it is met.</summary>
    public bool TakesWhole { get; protected init; }

    /// <summary>Whether an application property can be mapped to it.</summary>
    public bool TakesProperties { get; protected init; } = true;

    /// <summary>A buffer for a column's values.</summary>
    public abstract ValueColumn CreateColumn(ColumnDefinition definition);

    /// <summary>What carries a column's values to the server and back.</summary>
    public abstract ColumnCodec CreateCodec();
}

/// <summary>A type whose values are kept as <typeparamref name="T"/>.</summary>
internal abstract class SqlType<T>(string name, string expected) : SqlType(name, expected)
{
    public sealed override ValueColumn CreateColumn(ColumnDefinition definition) => new ValueColumn<T>(definition, this);

    /// <summary>The value of JSON.</summary>
    public abstract ValueFault Read(in JsonToken json, ValueScratch scratch, out T value);

    /// <summary>
    /// The value of an application property. It has a type already, so it is converted only where nothing is lost; text is never a number.
    /// </summary>
    public abstract ValueFault Read(object property, ValueScratch scratch, out T value);
}
