using Ingest.Columns;

namespace Ingest.Decode;

/// <summary>What a batch has come to so far.</summary>
internal struct DecoderOutput(ReadingColumns readings)
{
    public ReadingColumns Readings { get; } = readings;

    public List<Rejection>? Rejections { get; private set; }

    public long Ignored { get; set; }

    public readonly int RejectionCount => Rejections?.Count ?? 0;

    /// <summary>Rejects a message whole, or one element of its array.</summary>
    public void Reject(int message, RejectReason reason, string detail, int element = -1) =>
        (Rejections ??= []).Add(new Rejection(message, element, reason, detail));

    /// <summary>Takes back what a message has left so far: all but the first rows and rejections.</summary>
    public readonly void RollBack(int rows, int rejections)
    {
        Readings.Truncate(rows);
        Rejections?.RemoveRange(rejections, Rejections.Count - rejections);
    }
}
