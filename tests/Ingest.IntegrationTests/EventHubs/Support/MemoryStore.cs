using Ingest.Checkpoints;
using Ingest.Events;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>
/// Pipeline and checkpoint store in memory, as strict as the database: a checkpoint moves only for its owner's epoch and only from where it
/// stands. Keeps every body it was given, in order.
/// </summary>
internal sealed class MemoryStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long Epoch, Position? Position)> _checkpoints = [];
    private readonly Dictionary<string, List<string>> _bodies = [];
    private readonly Dictionary<string, List<RawEvent>> _events = [];
    private readonly Dictionary<string, Task> _tails = [];
    private readonly List<TaskCompletionSource> _changed = [];
    private readonly List<(string OfEvent, string? OfCheckpoint)> _hubs = [];
    private long _missed;
    private int _waiting;

    /// <summary>Awaited by every batch before it is stored; null lets all through.</summary>
    public Func<IReadOnlyList<RawEvent>, CancellationToken, Task>? Gate { get; set; }

    /// <summary>Batches that came to the gate so far.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public long Missed => Interlocked.Read(ref _missed);

    public Task<IReadOnlyList<StoredCheckpoint>> ClaimAsync(
        string hub, string consumerGroup, IReadOnlyCollection<string> partitions, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var claims = new List<StoredCheckpoint>();
            foreach (var partition in partitions)
            {
                var (epoch, position) = _checkpoints.GetValueOrDefault(partition);
                _checkpoints[partition] = (epoch + 1, position);
                claims.Add(new StoredCheckpoint(new PartitionKey(hub, consumerGroup, partition), epoch + 1, position, default, default));
            }

            return Task.FromResult<IReadOnlyList<StoredCheckpoint>>(claims);
        }
    }

    public async Task<BatchResult> ProcessAsync(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        // As the pipeline does: in the order of the calls, though they overlap.
        var partition = events[0].Partition;
        var mine = new TaskCompletionSource();
        Task before;
        lock (_lock)
        {
            before = _tails.GetValueOrDefault(partition, Task.CompletedTask);
            _tails[partition] = mine.Task;
        }

        try
        {
            await before;
            if (Gate is { } gate)
            {
                Interlocked.Increment(ref _waiting);
                await gate(events, cancellationToken);
            }

            return Store(events, checkpoint);
        }
        finally
        {
            mine.SetResult();
        }
    }

    private BatchResult Store(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint)
    {
        lock (_lock)
        {
            _hubs.Add((events[0].Hub, checkpoint?.Partition.Hub));
            if (checkpoint is not null)
            {
                var partition = checkpoint.Partition.Partition;
                var (epoch, position) = _checkpoints[partition];
                if (epoch != checkpoint.Epoch || position?.SequenceNumber != checkpoint.From)
                {
                    throw new CheckpointFencedException(
                        checkpoint, new StoredCheckpoint(checkpoint.Partition, epoch, position, default, default));
                }

                _checkpoints[partition] = (epoch, checkpoint.To);
                _missed += checkpoint.Missed;
            }

            foreach (var received in events)
            {
                if (!_bodies.TryGetValue(received.Partition, out var bodies))
                {
                    _bodies[received.Partition] = bodies = [];
                    _events[received.Partition] = [];
                }

                _events[received.Partition].Add(received);
                bodies.Add(System.Text.Encoding.UTF8.GetString(received.Body.Span));
            }

            _changed.ForEach(waiter => waiter.TrySetResult());
            _changed.Clear();
        }

        var counts = new ReadingCounts(Received: events.Count, Stored: events.Count, Missed: checkpoint?.Missed ?? 0);
        return new BatchResult(counts, TimeProvider.System.GetUtcNow());
    }

    public List<string> Bodies(string partition)
    {
        lock (_lock)
        {
            return [.. _bodies.GetValueOrDefault(partition, [])];
        }
    }

    /// <summary>What was stored of a partition, in order.</summary>
    public IReadOnlyList<RawEvent> Events(string partition)
    {
        lock (_lock)
        {
            return [.. _events.GetValueOrDefault(partition, [])];
        }
    }

    /// <summary>How many claims a partition has seen.</summary>
    public long Epoch(string partition)
    {
        lock (_lock)
        {
            return _checkpoints.GetValueOrDefault(partition).Epoch;
        }
    }

    /// <summary>What events and checkpoints called the hub.</summary>
    public IReadOnlyList<(string OfEvent, string? OfCheckpoint)> Hubs
    {
        get
        {
            lock (_lock)
            {
                return [.. _hubs];
            }
        }
    }

    public Position? Position(string partition)
    {
        lock (_lock)
        {
            return _checkpoints.GetValueOrDefault(partition).Position;
        }
    }

    /// <summary>Awaits that this many events have been stored in all.</summary>
    public async Task StoredAsync(int events, CancellationToken cancellationToken)
    {
        while (true)
        {
            TaskCompletionSource changed;
            lock (_lock)
            {
                if (_bodies.Values.Sum(bodies => bodies.Count) >= events)
                {
                    return;
                }

                changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _changed.Add(changed);
            }

            await changed.Task.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken);
        }
    }
}
