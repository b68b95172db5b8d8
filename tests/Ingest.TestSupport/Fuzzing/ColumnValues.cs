using Ingest.Columns;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>The values of decoded columns as objects, to compare and to print.</summary>
public static class ColumnValues
{
    /// <summary>A row's value in its column's own type; null for NULL.</summary>
    public static object? Of(ValueColumn column, int row)
    {
        ArgumentNullException.ThrowIfNull(column);
        return column.IsNull(row) ? null : column switch
        {
            ValueColumn<double> values => values.Values[row],
            ValueColumn<float> values => values.Values[row],
            ValueColumn<long> values => values.Values[row],
            ValueColumn<int> values => values.Values[row],
            ValueColumn<bool> values => values.Values[row],
            ValueColumn<string> values => values.Values[row],
            ValueColumn<DateTime> values => values.Values[row],
            ValueColumn<JsonbValue> values => values.Values[row],
            _ => throw new InvalidOperationException(column.GetType().Name),
        };
    }
}
