using Ingest.Decode;

namespace Ingest.Write;

/// <summary>The rows of a flush that the server refuses, each with what it said: poison, found by halving.</summary>
internal sealed class Refusals
{
    private readonly Dictionary<(DecodedBatch Batch, int Row), string> _details = [];

    public int Count => _details.Count;

    public void Add(DecodedBatch batch, int row, string detail) => _details[(batch, row)] = detail;

    public bool Contains(DecodedBatch batch, int row) => _details.Count > 0 && _details.ContainsKey((batch, row));

    /// <summary>What the server said of a row, or of the row equal to it.</summary>
    public string Detail(DecodedBatch batch, int row) =>
        _details.GetValueOrDefault((batch, row), "The database refuses an equal reading of this device and stamp.");

    public void Clear() => _details.Clear();
}
