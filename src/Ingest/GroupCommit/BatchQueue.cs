using System.Threading.Channels;
using Ingest.Checkpoints;

namespace Ingest.GroupCommit;

/// <summary>
/// The batches that wait for a writer, in the order their callers came. Bounded in readings and bytes as they are once decoded: a caller
/// past the bound is held before its batch is decoded, and keeps its place. Nothing is ever dropped.
/// </summary>
internal sealed class BatchQueue
{
    // What a batch comes to is not known until it is decoded, and then bounded: so few at a time that all of them together are bounded, and
    // enough to keep every processor at it.
    private static readonly int MostDecoding = 2 * Environment.ProcessorCount;

    private readonly Lock _gate = new();
    private readonly LinkedList<PendingBatch> _places = new();
    private readonly LinkedList<PendingBatch> _held = new();
    private readonly FlushPolicy _policy;
    private readonly TimeProvider _clock;
    private readonly int _mostReadings;
    private readonly long _mostBytes;

    // A signal means "look again", so a second one before the reader has looked adds nothing. Nothing else here is ever dropped.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private bool _closed;
    private bool _writerWorks;
    private int _decoding;
    private int _readings;
    private long _bytes;

    public BatchQueue(FlushPolicy policy, int mostReadings, long mostBytes, TimeProvider clock)
    {
        _policy = policy;
        _mostReadings = mostReadings;
        _mostBytes = mostBytes;
        _clock = clock;
    }

    /// <summary>Takes a place; <see cref="PendingBatch.Admission"/> completes when there is room.</summary>
    public void Add(PendingBatch batch)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            batch.Place = _places.AddLast(batch);
            _held.AddLast(batch);
            Admit();
        }
    }

    /// <summary>The batch at this place has been decoded (as much of it as one transaction takes) and can be written.</summary>
    /// <returns>
    /// What is left of it, which has the place behind it: nothing that came later overtakes it. It asks for room with
    /// <see cref="Continue"/>. Null where nothing is left, or the batch was given up.
    /// </returns>
    public PendingBatch? Ready(PendingBatch batch, Decode.DecodedBatch decoded)
    {
        PendingBatch? rest;
        lock (_gate)
        {
            if (batch.Place is null)
            {
                return null;
            }

            Release(batch);
            rest = batch.Take(decoded);
            Hold(batch);
            if (rest is not null)
            {
                rest.Place = _places.AddAfter(batch.Place, rest);
            }

            Admit();
        }

        _signal.Writer.TryWrite(true);
        return rest;
    }

    /// <summary>What is left of a batch is to be decoded, before all that came after it.</summary>
    public void Continue(PendingBatch rest)
    {
        lock (_gate)
        {
            _held.AddFirst(rest);
            Admit();
        }
    }

    /// <summary>Releases a place, unless a flush has taken its batch.</summary>
    public bool TryRemove(PendingBatch batch)
    {
        lock (_gate)
        {
            if (batch.Place is null)
            {
                return false;
            }

            RemovePlace(batch);
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

    /// <summary>
    /// Takes the next flush, whose writer works until it says <see cref="WriterWaits"/>, or says how long to wait for one unless something
    /// changes before.
    /// </summary>
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
                RemovePlace(batch);
                Release(batch);
            }

            _writerWorks = true;
            return (batches, TimeSpan.Zero);
        }
    }

    /// <summary>
    /// The writer now waits for the server, so that others may decode. Earlier they would compete with the writer for the processor, and
    /// the server would be idle.
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

    /// <summary>Closes the queue and returns all of its batches, which are given up.</summary>
    public IReadOnlyList<PendingBatch> Close()
    {
        lock (_gate)
        {
            _closed = true;
            var left = _places.ToArray();
            foreach (var batch in left)
            {
                RemovePlace(batch);
            }

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

        // A cancelled batch needs no room.
        while (_held.First?.Value is { } next && (next.Admission.Task.IsCompleted || HasRoom(next)))
        {
            _held.RemoveFirst();
            if (next.Admission.Task.IsCompleted)
            {
                continue;
            }

            Hold(next);
            next.Admission.TrySetResult();
        }
    }

    // The first in order always has room: everything decoded behind it waits for it.
    private bool HasRoom(PendingBatch next) =>
        next.Place == _places.First
        || (_decoding < MostDecoding && _readings + next.Readings <= _mostReadings && _bytes + next.Bytes <= _mostBytes);

    private void RemovePlace(PendingBatch batch)
    {
        _places.Remove(batch.Place!);
        batch.Place = null;
    }

    private void Hold(PendingBatch batch)
    {
        _decoding += batch.Decoded is null ? 1 : 0;
        _readings += batch.Readings;
        _bytes += batch.Bytes;
    }

    private void Release(PendingBatch batch)
    {
        _decoding -= batch.Decoded is null ? 1 : 0;
        _readings -= batch.Readings;
        _bytes -= batch.Bytes;
    }
}
