using System.Threading.Channels;
using Ingest.Checkpoints;

namespace Ingest.GroupCommit;

/// <summary>
/// The batches that wait for a writer, in the order their callers came. Bounded in messages and bytes: a caller past the bound is held
/// before its batch is decoded, and keeps its place. Nothing is ever dropped.
/// </summary>
internal sealed class BatchQueue
{
    private readonly Lock _gate = new();
    private readonly LinkedList<PendingBatch> _places = new();
    private readonly Queue<PendingBatch> _held = new();
    private readonly FlushPolicy _policy;
    private readonly TimeProvider _clock;
    private readonly int _mostEvents;
    private readonly long _mostBytes;

    // A signal says "look again", so a second one before the reader has looked adds nothing: the one place that may drop.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private bool _closed;
    private bool _writerWorks;
    private int _admitted;
    private int _events;
    private long _bytes;

    public BatchQueue(FlushPolicy policy, int mostEvents, long mostBytes, TimeProvider clock)
    {
        _policy = policy;
        _mostEvents = mostEvents;
        _mostBytes = mostBytes;
        _clock = clock;
    }

    /// <summary>Takes a place; <see cref="PendingBatch.Admission"/> completes when there is room.</summary>
    public void Add(PendingBatch batch)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _places.AddLast(batch);
            _held.Enqueue(batch);
            Admit();
        }
    }

    /// <summary>The batch at this place is decoded and may be written.</summary>
    public void Ready(PendingBatch batch, Decode.DecodedBatch decoded)
    {
        lock (_gate)
        {
            batch.Decoded = decoded;
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>Gives a place up, unless a flush has taken it.</summary>
    public bool TryRemove(PendingBatch batch)
    {
        lock (_gate)
        {
            if (!_places.Remove(batch))
            {
                return false;
            }

            if (batch.Admission.Task.IsCompletedSuccessfully)
            {
                Release(batch);
            }
            else
            {
                batch.Admission.TrySetCanceled(batch.CancellationToken);
            }

            Admit();
        }

        _signal.Writer.TryWrite(true);
        return true;
    }

    /// <summary>Takes the next flush, whose writer works until it says <see cref="WriterWaits"/>, or says how long to wait for one unless something changes before.</summary>
    public (IReadOnlyList<PendingBatch> Batches, TimeSpan Wait) Take()
    {
        lock (_gate)
        {
            var batches = Collect();
            if (batches.Count == 0)
            {
                return (batches, Timeout.InfiniteTimeSpan);
            }

            var wait = _policy.WaitFor(_clock.GetElapsedTime(batches[0].QueuedAt));
            if (wait > TimeSpan.Zero)
            {
                return ([], wait);
            }

            foreach (var batch in batches)
            {
                _places.Remove(batch);
                Release(batch);
            }

            _writerWorks = true;
            return (batches, TimeSpan.Zero);
        }
    }

    /// <summary>
    /// The writer waits for the server to do its work: now others may decode. Before, they would take the processor from it, and the server
    /// would wait for them all.
    /// </summary>
    public void WriterWaits()
    {
        lock (_gate)
        {
            _writerWorks = false;
            Admit();
        }
    }

    /// <summary>Waits for a change of the queue, at most for <paramref name="wait"/>.</summary>
    public async Task WaitAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(wait, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            await _signal.Reader.ReadAsync(both.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is up.
        }
    }

    /// <summary>All places, given up; nobody gets one any more.</summary>
    public IReadOnlyList<PendingBatch> Close()
    {
        lock (_gate)
        {
            _closed = true;
            var left = _places.ToArray();
            _places.Clear();
            return left;
        }
    }

    // In order; a partition's batch that does not go on where its last one in this flush ended waits for the next flush, and so does all
    // that comes after it.
    private List<PendingBatch> Collect()
    {
        var batches = new List<PendingBatch>();
        var ends = new Dictionary<PartitionKey, (long Epoch, long Sequence)>();
        _policy.Begin();
        foreach (var batch in _places)
        {
            if (batch.Decoded is null
                || (batch.Checkpoint is { } move && ends.TryGetValue(move.Partition, out var end) && end != (move.Epoch, move.From ?? -1))
                || !_policy.TryAdd(batch.Rows, batch.Bytes))
            {
                break;
            }

            batches.Add(batch);
            if (batch.Checkpoint is { } checkpoint)
            {
                ends[checkpoint.Partition] = (checkpoint.Epoch, checkpoint.To.SequenceNumber);
            }
        }

        return batches;
    }

    private void Admit()
    {
        if (_writerWorks)
        {
            return;
        }

        // One that was cancelled needs no room.
        while (_held.TryPeek(out var next)
            && (next.Admission.Task.IsCompleted || _admitted == 0 || (_events + next.Events <= _mostEvents && _bytes + next.Bytes <= _mostBytes)))
        {
            _held.Dequeue();
            if (next.Admission.Task.IsCompleted)
            {
                continue;
            }

            _admitted++;
            _events += next.Events;
            _bytes += next.Bytes;
            next.Admission.TrySetResult();
        }
    }

    private void Release(PendingBatch batch)
    {
        _admitted--;
        _events -= batch.Events;
        _bytes -= batch.Bytes;
    }
}
