using Ingest.Columns;

namespace Ingest.Decode;

/// <summary>What has been decoded of a batch so far.</summary>
internal struct DecoderOutput(ReadingColumns readings)
{
    /// <summary>Most rejections of one message that are built, each with its sentence; its others are counted by reason.</summary>
    public const int MostBuiltOfMessage = 100;

    private int _eventIndex;
    private int _firstRow;
    private int _firstRejection;
    private int _firstCount;
    private long _firstIgnored;

    public ReadingColumns Readings { get; } = readings;

    public List<Rejection>? Rejections { get; private set; }

    public List<RejectionCount>? Counts { get; private set; }

    public long Ignored { get; set; }

    /// <summary>Bytes that it holds: bodies, and the text and JSON that was taken from them.</summary>
    public long Bytes { get; set; }

    /// <summary>Readings that are rows or rejections of their own.</summary>
    public readonly int Built => Readings.Count + (Rejections?.Count ?? 0);

    /// <summary>Whether the next rejection of this message will be built.</summary>
    public readonly bool Builds => (Rejections?.Count ?? 0) - _firstRejection < MostBuiltOfMessage;

    /// <summary>The next message.</summary>
    public void Begin(int eventIndex)
    {
        _eventIndex = eventIndex;
        _firstRow = Readings.Count;
        _firstRejection = Rejections?.Count ?? 0;
        _firstCount = Counts?.Count ?? 0;
        _firstIgnored = Ignored;
    }

    /// <summary>Rejects the message whole, or one element of its array.</summary>
    public void Reject(ReadingFault fault, int elementIndex = -1)
    {
        if (Builds)
        {
            (Rejections ??= []).Add(new Rejection(_eventIndex, elementIndex, fault.Reason, fault.Detail));
            Bytes += sizeof(char) * fault.Detail.Length;
        }
        else
        {
            Count(fault.Reason);
        }
    }

    /// <summary>Takes back what the message has left so far.</summary>
    public void RollBack()
    {
        Readings.Truncate(_firstRow);
        Rejections?.RemoveRange(_firstRejection, Rejections.Count - _firstRejection);
        Ignored = _firstIgnored;
        Counts?.RemoveRange(_firstCount, Counts.Count - _firstCount);
    }

    private void Count(RejectReason reason)
    {
        Counts ??= [];
        for (var i = _firstCount; i < Counts.Count; i++)
        {
            if (Counts[i].Reason == reason)
            {
                Counts[i] = Counts[i] with { Count = Counts[i].Count + 1 };
                return;
            }
        }

        Counts.Add(new RejectionCount(_eventIndex, reason, 1));
    }
}
