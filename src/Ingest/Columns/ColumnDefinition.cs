using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>A mapped column, resolved from the settings.</summary>
/// <param name="Name">The column's name in the table, unquoted.</param>
/// <param name="Type">Its type.</param>
/// <param name="Required">Whether a reading without a value is dead-lettered.</param>
public sealed record ColumnDefinition(string Name, ColumnType Type, bool Required)
{
    /// <summary>Whether values of another JSON type are converted where nothing is lost.</summary>
    public bool Convert { get; init; }

    /// <summary>How a timestamptz is written.</summary>
    public TimeFormat Format { get; init; }

    /// <summary>The offset of its times that name none; null where they are no times.</summary>
    public TimeSpan? Zone { get; init; }
}
