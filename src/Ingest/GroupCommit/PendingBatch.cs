using Ingest.Checkpoints;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.GroupCommit;

/// <summary>A caller's batch on its way through group commit.</summary>
internal sealed class PendingBatch(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, long queuedAt, CancellationToken cancellationToken)
{
    private Action<PendingBatch>? _cancelledInFlush;

    public Checkpoint? Checkpoint { get; } = checkpoint;

    /// <summary>The partition of its first message, for the log; empty where it has none.</summary>
    public string Partition { get; } = checkpoint?.Partition.Partition ?? (events.Count > 0 ? events[0].Partition : "");

    /// <summary>Messages, for the bound of the queue.</summary>
    public int Events { get; } = events.Count;

    /// <summary>Body bytes.</summary>
    public long Bytes { get; } = events.Sum(message => (long)message.Body.Length);

    /// <summary>When it was queued, as a timestamp of the clock.</summary>
    public long QueuedAt { get; } = queuedAt;

    /// <summary>The caller's own token.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>Completes when the queue has room for the batch.</summary>
    public TaskCompletionSource Admission { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when every reading of the batch is durable.</summary>
    public TaskCompletionSource<BatchResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The decoded batch; null until it is ready to be written.</summary>
    public DecodedBatch? Decoded { get; set; }

    public DecodedBatch Ready => Decoded ?? throw new InvalidOperationException("The batch is not decoded yet");

    /// <summary>Readings to write, for the bounds of a flush.</summary>
    public int Rows => Decoded is { } decoded ? decoded.Readings.Count + decoded.Rejections.Count : 0;

    /// <summary>The batch is part of a flush from now on, which hears of its cancellation once.</summary>
    public void Join(Action<PendingBatch> cancelled)
    {
        Volatile.Write(ref _cancelledInFlush, cancelled);
        if (CancellationToken.IsCancellationRequested)
        {
            CancelInFlush();
        }
    }

    public void CancelInFlush() => Interlocked.Exchange(ref _cancelledInFlush, null)?.Invoke(this);
}
