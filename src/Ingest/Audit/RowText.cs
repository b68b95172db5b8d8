using System.Globalization;
using Ingest.Columns;

namespace Ingest.Audit;

/// <summary>The values of a row as text, for people: equal values have equal texts.</summary>
internal static class RowText
{
    private const int Longest = 200;

    public static IReadOnlyDictionary<string, string?> Of(ReadingColumns rows, int rowIndex)
    {
        var texts = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var column in rows.Columns)
        {
            texts.Add(column.Definition.Name, column.IsNull(rowIndex) ? null : Of(column, rowIndex));
        }

        return texts;
    }

    private static string Of(ValueColumn column, int rowIndex)
    {
        var text = column switch
        {
            ValueColumn<double> values => values.Values[rowIndex].ToString("R", CultureInfo.InvariantCulture),
            ValueColumn<float> values => values.Values[rowIndex].ToString("R", CultureInfo.InvariantCulture),
            ValueColumn<long> values => values.Values[rowIndex].ToString(CultureInfo.InvariantCulture),
            ValueColumn<int> values => values.Values[rowIndex].ToString(CultureInfo.InvariantCulture),
            ValueColumn<bool> values => values.Values[rowIndex] ? "true" : "false",
            ValueColumn<DateTime> values => values.Values[rowIndex].ToString("O", CultureInfo.InvariantCulture),
            ValueColumn<string> values => values.Values[rowIndex],
            ValueColumn<JsonbValue> values => values.Values[rowIndex].Canonical,
            _ => throw new InvalidOperationException($"No text for {column.Definition.Type}"),
        };
        return text.Length <= Longest ? text : string.Concat(text.AsSpan(0, Longest), "…");
    }
}
