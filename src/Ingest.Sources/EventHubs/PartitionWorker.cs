using System.Diagnostics;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Sources.Diagnostics;

namespace Ingest.Sources.EventHubs;

/// <summary>Takes a partition's events through the pipeline, batch by batch, each with its move of the checkpoint.</summary>
internal sealed class PartitionWorker : IAsyncDisposable
{
    // Two, so that one is decoded while the other one is committed. Their checkpoints are chained: the second is never stored without the first.
    private const int MostUnderWay = 2;

    private readonly HubClient _client;
    private readonly ProcessEvents _process;
    private readonly StoredCheckpoint _claim;
    private readonly PartitionKey _key;
    private readonly PartitionReader _reader;

    private readonly Queue<Task> _underWay = new(MostUnderWay);
    private long? _handedOver;

    private readonly Lock _lock = new();
    private Position? _last;
    private long? _end;
    private Accounts _accounts;

    public PartitionWorker(HubClient client, TimeSource timeSource, StoredCheckpoint claim, ProcessEvents process)
    {
        _client = client;
        _process = process;
        _claim = claim;
        _last = claim.Position;
        _handedOver = claim.Position?.SequenceNumber;
        _key = claim.Partition;
        var start = claim.Position is { } position ? StartPosition.After(position) : StartPosition.Earliest;
        _reader = new PartitionReader(client, new ReaderOptions(_key.ConsumerGroup, _key.Partition, start, claim.Epoch, timeSource));
    }

    public string Partition => _key.Partition;

    /// <summary>Reads until receiving is stopped and everything received is durable.</summary>
    /// <exception cref="OwnershipLostException">Another worker has the partition now.</exception>
    public async Task RunAsync(CancellationToken stopReceiving, CancellationToken abandon)
    {
        SourcesLog.PartitionClaimed(_client.Logger, _key.Hub, Partition, _claim.Epoch, _claim.Position?.SequenceNumber);
        _reader.Start();
        await using var stopping = stopReceiving.UnsafeRegister(static state => _ = ((PartitionReader)state!).StopAsync(), _reader);
        Task<ReceivedBatch?>? taking = null;
        while (true)
        {
            if (_underWay.Count == MostUnderWay)
            {
                await OldestAsync();
                continue;
            }

            taking ??= _reader.TakeAsync(abandon);
            if (_underWay.TryPeek(out var oldest) && await Task.WhenAny(taking, oldest) != taking)
            {
                await OldestAsync();
                continue;
            }

            if (await taking is not { } batch)
            {
                break;
            }

            taking = null;
            _underWay.Enqueue(ProcessAsync(batch, abandon));
        }

        while (_underWay.Count > 0)
        {
            await OldestAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        while (_underWay.TryDequeue(out var batch))
        {
            // It has failed for the reason already thrown, or was abandoned for it.
            await batch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    public PartitionStatus Status()
    {
        lock (_lock)
        {
            var last = _last;
            long? end = _end is { } heard ? Math.Max(heard, last?.SequenceNumber ?? -1) : null;
            long? lagEvents = end - (last?.SequenceNumber ?? -1);
            var error = _reader.LastError;
            return new PartitionStatus(
                Partition,
                _claim.Epoch,
                last?.SequenceNumber,
                end,
                lagEvents,
                lagEvents switch
                {
                    0 => TimeSpan.Zero,
                    > 0 when last is not null => _client.Time.GetUtcNow().UtcDateTime - last.EnqueuedTime,
                    _ => null,
                },
                _reader.Held,
                _reader.IsAttached,
                _reader.Reconnects,
                error?.Message,
                error?.NeedsOperator ?? false,
                _accounts);
        }
    }

    private async Task OldestAsync()
    {
        await _underWay.Peek();
        _ = _underWay.Dequeue();
    }

    private async Task ProcessAsync(ReceivedBatch batch, CancellationToken abandon)
    {
        var events = batch.Events;
        var last = events[^1];
        var to = new Position(last.Offset!, last.SequenceNumber!.Value, PartitionReader.Stamp(last));
        var checkpoint = new Checkpoint(_key, _claim.Epoch, _handedOver, to, Missed(batch));
        _handedOver = to.SequenceNumber;

        using var activity = StartActivity(events.Count);
        var started = _client.Time.GetTimestamp();
        BatchResult result;
        try
        {
            result = await _process(events, checkpoint, abandon);
        }
        catch (CheckpointFencedException exception) when (exception.HasNewerOwner)
        {
            throw new OwnershipLostException(exception.Message, exception);
        }
        catch (Exception exception)
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }

        SourcesMetrics.Processed(_key.Hub, _key.ConsumerGroup, Partition, events.Count, _client.Time.GetElapsedTime(started));
        lock (_lock)
        {
            _last = to;
            _accounts += result.Accounts;
        }

        _reader.Complete(events.Count);
    }

    private long Missed(ReceivedBatch batch)
    {
        var missed = 0L;
        var before = batch.NumberingRestarted ? null : _handedOver;
        foreach (var received in batch.Events)
        {
            var sequenceNumber = received.SequenceNumber!.Value;
            if (SequenceGap.Between(before, sequenceNumber) is > 0 and var gap)
            {
                SourcesLog.Missed(_client.Logger, _key.Hub, Partition, gap, sequenceNumber);
                missed += gap;
            }

            before = sequenceNumber;
        }

        return missed;
    }

    private Activity? StartActivity(int messages)
    {
        var activity = SourcesMetrics.Activities.StartActivity("process", ActivityKind.Consumer);
        if (activity is { IsAllDataRequested: true })
        {
            foreach (var (name, value) in SourcesMetrics.Tags(_key.Hub, _key.ConsumerGroup, Partition, "process"))
            {
                activity.SetTag(name, value);
            }

            activity.SetTag("messaging.operation.type", "process");
            activity.SetTag("messaging.batch.message_count", messages);
        }

        return activity;
    }
}
