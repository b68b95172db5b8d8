using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>A mapped column, resolved from the settings.</summary>
/// <param name="Name">The column's name in the table, unquoted.</param>
/// <param name="Type">Its type.</param>
/// <param name="Required">Whether a reading without a value is dead-lettered.</param>
public sealed record ColumnDefinition(string Name, ColumnType Type, bool Required);
