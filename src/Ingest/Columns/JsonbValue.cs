namespace Ingest.Columns;

/// <summary>
/// A jsonb value in a canonical form: two values are equal here exactly where jsonb says they are equal (the order and repetition of names,
/// white space, escapes and the notation of numbers do not count).
/// </summary>
/// <param name="Canonical">Canonical JSON text.</param>
public readonly record struct JsonbValue(string Canonical);
