using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>Takes the stored rows that have the key of a reading.</summary>
internal interface IStoredRowReceiver
{
    /// <summary>The key of this stamp, device and metric, or -1 if no reading has it.</summary>
    int KeyIndexOf(Instant stamp, string device, string? metric);

    /// <summary>Takes a stored row.</summary>
    /// <param name="keyIndex">Its key.</param>
    /// <param name="time">Its time.</param>
    /// <param name="stored">The buffer that holds its values.</param>
    /// <param name="storedIndex">Its row in that buffer.</param>
    void AddStored(int keyIndex, Instant time, ReadingColumns stored, int storedIndex);
}
