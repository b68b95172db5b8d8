using System.Text.Json;
using Ingest.Columns;
using Ingest.Columns.Types;

namespace Ingest.Decode;

/// <summary>
/// Makes the rows of a narrow table of a reading: one for each value of a mapped place, or for each of its numbers. Not thread-safe.
/// </summary>
internal sealed class NarrowRows(TelemetryMapping mapping, ValueScratch scratch)
{
    // The device's time is not a metric.
    private readonly string? _time = mapping.Time?.From.ToString().Replace("$.", "", StringComparison.Ordinal);
    private readonly ReadingNumbers? _numbers = mapping.TakesEveryNumber ? new ReadingNumbers(scratch) : null;
    private ReadingColumns? _rows;
    private int _firstRow;

    /// <summary>Takes the values of the mapped places, as a row of a wide table.</summary>
    public ReadingColumns Places { get; } = new(mapping.Columns);

    /// <summary>A message whose rows go to <paramref name="rows"/>.</summary>
    public void BeginMessage(ReadingColumns rows) => (_rows, _firstRow) = (rows, rows.Count);

    /// <summary>Adds the rows of a reading, whose places were taken.</summary>
    /// <returns>False where it is rejected: none is added.</returns>
    public bool TryAdd(
        ReadOnlySpan<byte> reading, in MessageContext context, string device, int elementIndex, bool countsOnly, out ReadingFault fault)
    {
        var before = _rows!.Count;
        fault = default;
        if (_numbers is { } numbers)
        {
            var reader = new Utf8JsonReader(reading);
            reader.Read();
            if (!numbers.TryFind(ref reader, BodyDecoder.MostReadings, countsOnly, out fault))
            {
                return false;
            }

            foreach (var (metric, value) in numbers.Found.Where(found => found.Metric != _time))
            {
                Add(metric, value, context, device, elementIndex);
            }
        }
        else
        {
            for (var columnIndex = 0; columnIndex < Places.Columns.Count; columnIndex++)
            {
                // The row being decoded.
                var column = (ValueColumn<double>)Places.ColumnArray[columnIndex];
                if (!column.IsNull(Places.Count))
                {
                    Add(mapping.Columns[columnIndex].Name, column.Values[Places.Count], context, device, elementIndex);
                }
            }
        }

        fault = _rows.Count == before ? Nothing(countsOnly)
            : _rows.Count - _firstRow > BodyDecoder.MostReadings ? TooMany
            : default;
        if (fault != default)
        {
            _rows.Truncate(before);
        }

        return fault == default;
    }

    private static ReadingFault TooMany { get; } =
        new(RejectReason.TooManyReadings, $"The message holds over {BodyDecoder.MostReadings} values up to the end of this reading.");

    private ReadingFault Nothing(bool countsOnly) => new(
        RejectReason.NothingMapped,
        countsOnly ? ""
            : _numbers is not null ? "The reading holds no number."
            : $"Whatever is mapped ({NearestMiss.Listed(mapping.Names)}) is null in the reading.");

    private void Add(string metric, double value, in MessageContext context, string device, int elementIndex)
    {
        _rows!.BeginRow();
        ((ValueColumn<string>)_rows.ColumnArray[0]).SetLast(metric);
        ((ValueColumn<double>)_rows.ColumnArray[1]).SetLast(value);
        _rows.EndRow(context.Stamp, device, context.EventIndex, elementIndex);
    }
}
