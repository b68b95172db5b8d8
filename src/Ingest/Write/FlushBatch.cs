using Ingest.Checkpoints;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>
/// A caller's batch, or a part of one, as a flush sees it: decoded readings, the move of the checkpoint that belongs to them, and the caller who waits.
/// </summary>
/// <param name="partition">The partition of its first message, for the log; empty where it has none.</param>
/// <param name="checkpoint">The move to store with the readings; null where the caller keeps its place itself.</param>
/// <param name="cancellationToken">The caller's.</param>
internal abstract class FlushBatch(string partition, Checkpoint? checkpoint, CancellationToken cancellationToken)
{
    private Action<FlushBatch>? _cancelledInFlush;

    public string Partition { get; } = partition;

    public Checkpoint? Checkpoint { get; protected set; } = checkpoint;

    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>Completes when every reading of the batch is durable.</summary>
    public TaskCompletionSource<BatchResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The decoded batch; null until it is ready to be written.</summary>
    public DecodedBatch? Decoded { get; protected set; }

    public DecodedBatch Ready => Decoded ?? throw new InvalidOperationException("The batch is not decoded yet");

    /// <summary>Readings to write, for the bounds of a flush.</summary>
    public int Rows => Decoded is { } decoded ? decoded.Readings.Count + decoded.Rejections.Count : 0;

    /// <summary>The batch is part of a flush from now on, which hears of its cancellation once.</summary>
    public void Join(Action<FlushBatch> cancelled)
    {
        Volatile.Write(ref _cancelledInFlush, cancelled);
        if (CancellationToken.IsCancellationRequested)
        {
            CancelInFlush();
        }
    }

    /// <summary>The caller has cancelled while a flush holds the batch.</summary>
    public void CancelInFlush() => Interlocked.Exchange(ref _cancelledInFlush, null)?.Invoke(this);
}
