using System.Runtime.InteropServices;

namespace Ingest.Audit;

/// <summary>
/// The keys of the rows that messages explain, whatever their number: sorted in memory a million at a time (16 MB), kept in temporary files
/// in between, and merged when they are read. Adding is thread-safe.
/// </summary>
internal sealed class ExplainedRows(string folder) : IDisposable
{
    private const int KeysInMemory = 1_000_000;
    private const int MostRuns = 64;
    private const int KeysAtOnce = 4_096;
    private const int KeyBytes = 16;

    private readonly Lock _lock = new();
    private readonly List<string> _runs = [];
    private readonly List<RowKey> _keys = new(KeysInMemory);
    private int _nextRun;

    public void Add(IReadOnlyList<RowKey> keys)
    {
        lock (_lock)
        {
            _keys.AddRange(keys);
            if (_keys.Count >= KeysInMemory)
            {
                Spill();
            }
        }
    }

    /// <summary>All keys in their order, each once. Nothing is added afterwards.</summary>
    public IEnumerable<RowKey> InOrder()
    {
        Spill();
        return EachOnce(Merge([.. _runs]));
    }

    public void Dispose()
    {
        foreach (var run in _runs)
        {
            File.Delete(run);
        }
    }

    private void Spill()
    {
        if (_keys.Count == 0)
        {
            return;
        }

        _keys.Sort();
        _runs.Add(Write(EachOnce(_keys)));
        _keys.Clear();
        if (_runs.Count == MostRuns)
        {
            // A file for each run must be open while they are merged.
            var merged = Write(EachOnce(Merge([.. _runs])));
            Dispose();
            _runs.Clear();
            _runs.Add(merged);
        }
    }

    // Of keys in their order.
    private static IEnumerable<RowKey> EachOnce(IEnumerable<RowKey> keys)
    {
        RowKey? last = null;
        foreach (var key in keys)
        {
            if (key != last)
            {
                last = key;
                yield return key;
            }
        }
    }

    private string Write(IEnumerable<RowKey> keys)
    {
        var path = Path.Combine(folder, $"{_nextRun++}.keys");
        using var file = File.Create(path);
        foreach (var chunk in keys.Chunk(KeysAtOnce))
        {
            file.Write(MemoryMarshal.AsBytes(chunk.AsSpan()));
        }

        return path;
    }

    private static IEnumerable<RowKey> Merge(IReadOnlyList<string> runs)
    {
        var next = new PriorityQueue<IEnumerator<RowKey>, RowKey>();
        try
        {
            foreach (var run in runs)
            {
                Advance(Read(run).GetEnumerator());
            }

            while (next.TryDequeue(out var run, out var key))
            {
                Advance(run);
                yield return key;
            }
        }
        finally
        {
            foreach (var (run, _) in next.UnorderedItems)
            {
                run.Dispose();
            }
        }

        void Advance(IEnumerator<RowKey> run)
        {
            if (run.MoveNext())
            {
                next.Enqueue(run, run.Current);
            }
            else
            {
                run.Dispose();
            }
        }
    }

    private static IEnumerable<RowKey> Read(string path)
    {
        using var file = File.OpenRead(path);
        var keys = new RowKey[KeysAtOnce];
        for (var count = keys.Length; count == keys.Length;)
        {
            count = file.ReadAtLeast(MemoryMarshal.AsBytes(keys.AsSpan()), keys.Length * KeyBytes, throwOnEndOfStream: false) / KeyBytes;
            for (var index = 0; index < count; index++)
            {
                yield return keys[index];
            }
        }
    }
}
