using System.Collections.Concurrent;

namespace Ingest.Columns;

/// <summary>Columns of one mapping that wait for their next batch with their buffers grown. Thread-safe.</summary>
internal sealed class ReadingColumnsPool(IReadOnlyList<ColumnDefinition> definitions)
{
    private const int MostKept = 8;
    private const int LargestKept = 32 * 1024;

    private readonly ConcurrentQueue<ReadingColumns> _idle = new();

    public ReadingColumns Rent() => _idle.TryDequeue(out var columns) ? columns : new ReadingColumns(definitions);

    /// <summary>
    /// Takes columns back; past eight idle ones, or after an unusually large batch, their buffers go back to the shared pool instead.
    /// </summary>
    public void Return(ReadingColumns columns)
    {
        if (columns.Count > LargestKept || _idle.Count >= MostKept)
        {
            columns.Dispose();
            return;
        }

        columns.Clear();
        _idle.Enqueue(columns);
    }
}
