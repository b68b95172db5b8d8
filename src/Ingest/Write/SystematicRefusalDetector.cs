using Ingest.Columns;
using Npgsql;

namespace Ingest.Write;

/// <summary>
/// Tells poison from an operator's mistake: when the server refuses a hundred rows in a row with one code, and takes none in between, no
/// reading is to blame.
/// </summary>
internal sealed class SystematicRefusalDetector
{
    public const int Mistake = 100;

    private string? _code;
    private long _refused;

    /// <returns>What is wrong and what to do, where it is a mistake; null where the rows are poison.</returns>
    /// <remarks>Changes nothing: the same rows come again with each attempt, and count when one is committed.</remarks>
    public string? Judge(int tried, IReadOnlyList<RefusedRow> refused, IReadOnlyList<ColumnDefinition> mapped)
    {
        var first = refused[0];
        var unmapped = refused.FirstOrDefault(row =>
            row is { SqlState: PostgresErrorCodes.NotNullViolation, Column: { } column } && column is not ("time" or "device") && mapped.All(known => known.Name != column));
        if (unmapped.Column is not null)
        {
            return $"The table's column {unmapped.Column} is NOT NULL, has no default and is not mapped, so no reading can be stored. Give it a default, drop NOT NULL, or map it in Telemetry:Columns.";
        }

        var all = refused.Count == tried && refused.All(row => row.SqlState == first.SqlState);
        return all && (_code == first.SqlState ? _refused : 0) + refused.Count >= Mistake
            ? $"The database refuses every reading with {first.SqlState}: {first.Message.TrimEnd('.')}. Look at the table's constraints and partitions."
            : null;
    }

    /// <summary>A flush was committed.</summary>
    /// <param name="stored">Rows that were stored.</param>
    /// <param name="refused">The codes of the rows that the server refused.</param>
    public void Committed(long stored, IReadOnlyCollection<string> refused)
    {
        if (stored > 0 || refused.Distinct(StringComparer.Ordinal).Count() > 1)
        {
            _refused = 0;
        }
        else if (refused.Count > 0)
        {
            var code = refused.First();
            _refused = (_code == code ? _refused : 0) + refused.Count;
            _code = code;
        }
    }
}
