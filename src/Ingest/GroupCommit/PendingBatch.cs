using Ingest.Checkpoints;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Write;

namespace Ingest.GroupCommit;

/// <summary>
/// A caller's batch on its way through group commit, or what is left of one: where it comes to more readings or bytes than a transaction
/// takes, its first part is committed with a checkpoint of its own before the rest is decoded.
/// </summary>
internal sealed class PendingBatch : FlushBatch
{
    private readonly IReadOnlyList<RawEvent> _events;

    /// <param name="events">The messages of the caller's batch.</param>
    /// <param name="checkpoint">The move to store with them.</param>
    /// <param name="queuedAt">When it was queued, as a timestamp of the clock.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <param name="firstIndex">The first message that is left.</param>
    public PendingBatch(
        IReadOnlyList<RawEvent> events,
        Checkpoint? checkpoint,
        long queuedAt,
        CancellationToken cancellationToken,
        int firstIndex = 0)
        : base(checkpoint?.Partition.Partition ?? (events.Count > 0 ? events[0].Partition : ""), checkpoint, cancellationToken)
    {
        _events = events;
        FirstIndex = firstIndex;
        QueuedAt = queuedAt;
        Readings = events.Count - firstIndex;
        Bytes = BytesFrom(firstIndex);
    }

    /// <summary>The first of the caller's messages in it.</summary>
    public int FirstIndex { get; }

    /// <summary>For the bound of the queue: messages until it is decoded, from then on the readings that they hold.</summary>
    public int Readings { get; private set; }

    /// <summary>For the bounds of queue and flush: bytes of the bodies until it is decoded, from then on of all that it holds.</summary>
    public long Bytes { get; private set; }

    /// <summary>When it was queued, as a timestamp of the clock.</summary>
    public long QueuedAt { get; }

    /// <summary>Its place in the queue; null once a flush has taken it, or it was given up.</summary>
    public LinkedListNode<PendingBatch>? Place { get; set; }

    /// <summary>Completes when the queue has room for the batch.</summary>
    public TaskCompletionSource Admission { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>It has been decoded, as much of it as one transaction takes.</summary>
    /// <returns>What is left of it; null where that is nothing.</returns>
    public PendingBatch? Take(DecodedBatch decoded)
    {
        Decoded = decoded;
        Readings = Math.Max(Rows, decoded.EndIndex - decoded.FirstIndex);
        Bytes = Math.Max(decoded.Bytes, Bytes - BytesFrom(decoded.EndIndex));
        if (decoded.EndIndex == decoded.Events.Count)
        {
            return null;
        }

        var (part, left) = Checkpoint is { } move ? Divide(move, decoded.EndIndex) : (null, null);
        Checkpoint = part;
        return new PendingBatch(_events, left, QueuedAt, CancellationToken, decoded.EndIndex);
    }

    private long BytesFrom(int message)
    {
        var bytes = 0L;
        for (; message < _events.Count; message++)
        {
            bytes += _events[message].Body.Length;
        }

        return bytes;
    }

    // Together they are the original move: gaps between the remaining messages count with those, all others with the first part.
    private (Checkpoint Part, Checkpoint Left) Divide(Checkpoint move, int end)
    {
        var last = _events[end - 1];
        var at = new Position(last.Offset!, last.SequenceNumber!.Value, last.EnqueuedTime!.Value);
        var missed = Math.Clamp(move.To.SequenceNumber - at.SequenceNumber - (_events.Count - end), 0, move.Missed);
        return (move with { To = at, Missed = move.Missed - missed }, move with { From = at.SequenceNumber, Missed = missed });
    }
}
