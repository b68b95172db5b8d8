using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Diagnostics;

namespace Ingest.Worker.Partitions;

/// <summary>
/// How far a partition is and what is wrong with it, for status and log. Lives as long as the worker does. Safe for many threads.
/// </summary>
internal sealed class PartitionProgress(HubClient client, string partition)
{
    private readonly Lock _lock = new();
    private bool _assigned;
    private bool _reading;
    private long _epoch;
    private Position? _last;
    private long? _end;
    private int _held;
    private long _handedOver;
    private long _durable;
    private int _interruptions;
    private HubException? _error;
    private ReadingCounts _counts;

    public bool IsAssigned
    {
        get
        {
            lock (_lock)
            {
                return _assigned;
            }
        }
    }

    /// <summary>The last event made durable; null where there is none.</summary>
    public Position? Last
    {
        get
        {
            lock (_lock)
            {
                return _last;
            }
        }
    }

    public ReadingCounts Counts
    {
        get
        {
            lock (_lock)
            {
                return _counts;
            }
        }
    }

    /// <summary>The partition is this worker's to read.</summary>
    public void Assigned()
    {
        lock (_lock)
        {
            _assigned = true;
        }
    }

    /// <summary>It is another's now, or nobody's.</summary>
    public void Left()
    {
        lock (_lock)
        {
            (_assigned, _reading) = (false, false);
        }
    }

    public void Claimed(StoredCheckpoint claim)
    {
        lock (_lock)
        {
            (_epoch, _last) = (claim.Epoch, claim.Position);
        }

        WorkerLog.PartitionClaimed(client.Logger, client.Hub, partition, claim.Epoch, claim.Position?.SequenceNumber);
    }

    /// <summary>The hub answers: events came, or none were there.</summary>
    public void Reading()
    {
        bool again;
        lock (_lock)
        {
            again = _error is not null;
            (_reading, _error) = (true, null);
        }

        if (again)
        {
            WorkerLog.ReadingAgain(client.Logger, client.Hub, partition);
        }
    }

    /// <summary>Reading was interrupted, and goes on by itself.</summary>
    public void Interrupted(string why)
    {
        lock (_lock)
        {
            (_interruptions, _reading) = (_interruptions + 1, false);
        }

        WorkerMetrics.Interrupted(client.Hub, client.Settings.ConsumerGroup, partition);
        WorkerLog.Interrupted(client.Logger, client.Hub, partition, why);
    }

    /// <summary>The hub refuses, or cannot be reached.</summary>
    public void Failed(HubException exception)
    {
        bool isNews;
        lock (_lock)
        {
            isNews = _error?.NeedsOperator != exception.NeedsOperator;
            (_interruptions, _reading, _error) = (_interruptions + 1, false, exception);
        }

        WorkerMetrics.Interrupted(client.Hub, client.Settings.ConsumerGroup, partition);
        if (!isNews)
        {
            WorkerLog.ReconnectingStill(client.Logger, client.Hub, partition, exception.Message);
        }
        else if (exception.NeedsOperator)
        {
            WorkerLog.NeedsOperator(client.Logger, client.Hub, partition, exception.Message);
        }
        else
        {
            WorkerLog.Reconnecting(client.Logger, client.Hub, partition, exception.Message);
        }
    }

    /// <summary>A batch goes to the pipeline.</summary>
    /// <returns>Its place in the partition's order.</returns>
    public long HandedOver(int events)
    {
        lock (_lock)
        {
            _held += events;
            return ++_handedOver;
        }
    }

    /// <summary>A batch is durable. Two may tell so in either order.</summary>
    public void Durable(long batch, int events, Position to, ReadingCounts counts)
    {
        lock (_lock)
        {
            _held -= events;
            _counts += counts;
            if (batch > _durable)
            {
                (_durable, _last) = (batch, to);
            }
        }
    }

    public void NotDurable(int events)
    {
        lock (_lock)
        {
            _held -= events;
        }
    }

    /// <summary>Takes note of the partition's end.</summary>
    public void EndIs(long sequenceNumber)
    {
        lock (_lock)
        {
            _end = sequenceNumber;
        }
    }

    /// <summary>Whether the hub is known to hold events after this one.</summary>
    public bool HasMoreAfter(long sequenceNumber)
    {
        lock (_lock)
        {
            return _end > sequenceNumber;
        }
    }

    public PartitionStatus Status()
    {
        lock (_lock)
        {
            long? end = _end is { } heard ? Math.Max(heard, _last?.SequenceNumber ?? -1) : null;
            long? lagEvents = end - (_last?.SequenceNumber ?? -1);
            return new PartitionStatus(
                partition,
                _epoch,
                _last?.SequenceNumber,
                end,
                lagEvents,
                lagEvents switch
                {
                    0 => TimeSpan.Zero,
                    > 0 when _last is not null => client.Time.GetUtcNow().UtcDateTime - _last.EnqueuedTime,
                    _ => null,
                },
                _held,
                _reading && _error is null,
                _interruptions,
                _error?.Message,
                _error?.NeedsOperator ?? false,
                _counts);
        }
    }
}
