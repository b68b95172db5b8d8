using Ingest.Decode;

namespace Ingest.Write;

/// <summary>The rows of a flush that the server refuses, each with what it said: poison, found by halving.</summary>
internal sealed class Refusals
{
    private readonly Dictionary<(DecodedBatch Batch, int Row), RefusedRow> _rows = [];

    public IReadOnlyCollection<RefusedRow> Rows => _rows.Values;

    public void Add(RefusedRow row) => _rows[(row.Batch, row.Row)] = row;

    public bool Contains(DecodedBatch batch, int row) => _rows.Count > 0 && _rows.ContainsKey((batch, row));

    /// <summary>What the server said of a row, or of the row equal to it.</summary>
    public string Detail(DecodedBatch batch, int row) => _rows.TryGetValue((batch, row), out var refused)
        ? $"{refused.SqlState}: {refused.Message}"
        : "The database refuses an equal reading of this device and stamp.";

    public void Clear() => _rows.Clear();
}
