using Ingest.Events;

namespace Ingest.Audit;

/// <summary>A row of the table by its key.</summary>
internal sealed record StoredRow(Instant Time, string Device, string? Metric);

/// <summary>Rows that no message explains, for the readings of the same stamp that have no row: those were changed. Bounded.</summary>
internal sealed class UnexplainedRows
{
    private const int Most = 100_000;

    private readonly Dictionary<(Instant Stamp, string Device, string? Metric), Queue<StoredRow>> _rows = [];
    private int _count;

    /// <returns>False if there are too many.</returns>
    public bool Add(StoredRow row)
    {
        if (_count == Most)
        {
            return false;
        }

        var key = (row.Time.FloorToMillisecond(), row.Device, row.Metric);
        if (!_rows.TryGetValue(key, out var rows))
        {
            rows = new Queue<StoredRow>();
            _rows.Add(key, rows);
        }

        rows.Enqueue(row);
        _count++;
        return true;
    }

    /// <summary>A row of this stamp, device and metric, which is then no longer among them; null if there is none.</summary>
    public StoredRow? Take(Instant stamp, string device, string? metric) =>
        _rows.TryGetValue((stamp, device, metric), out var rows) && rows.TryDequeue(out var row) ? row : null;

    public IEnumerable<StoredRow> Left() => _rows.Values.SelectMany(rows => rows).OrderBy(row => row.Time);
}
