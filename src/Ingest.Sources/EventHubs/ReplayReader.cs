using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.Events;
using Ingest.Sources.Diagnostics;
using Polly;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// A partition from a place to its end as one unbroken sequence of events, without owning it. Connections come and go underneath; an event
/// that the client cannot read comes as one that says so.
/// </summary>
internal sealed class ReplayReader : IAsyncDisposable
{
    private static readonly TimeSpan SilenceBeforeAsking = TimeSpan.FromSeconds(5);

    private readonly HubClient _client;
    private readonly string _consumerGroup;
    private readonly EventFields _fields;
    private readonly PartitionProperties _end;
    private readonly EventMapping _mapping;
    private readonly EventSequence _sequence = new();
    private readonly ResiliencePipeline _retry;

    private PartitionReceiver? _receiver;
    private SteppingReader? _stepping;
    private int _stepsLeft;
    private StartAt _next;
    private bool _ended;

    public ReplayReader(HubClient client, string consumerGroup, EventFields fields, StartAt start, PartitionProperties end)
    {
        _client = client;
        _consumerGroup = consumerGroup;
        _fields = fields;
        _next = start;
        _end = end;
        _mapping = new EventMapping(client.Hub, end.Id, fields);
        _retry = PatientRetry.ForReading(
            TimeSpan.FromSeconds(client.Settings.MaxRetryDelaySeconds),
            client.Time,
            (exception, delay) => SourcesLog.Reconnecting(client.Logger, client.Hub, end.Id, exception.Message, delay));
    }

    /// <summary>The next events, at least one; null where nothing is left of what there was, because retention has taken it.</summary>
    /// <exception cref="HubException">Another reader has the partition.</exception>
    public async Task<IReadOnlyList<RawEvent>?> TakeAsync(CancellationToken cancellationToken)
    {
        while (!_ended)
        {
            var events = await _retry.ExecuteAsync(
                async token => _stepsLeft > 0 ? await StepAsync(token) : await ReceiveAsync(token), cancellationToken);
            if (events.Count > 0)
            {
                _sequence.Take(events);
                _next = events[^1].Offset is { } offset ? StartAt.After(offset) : StartAt.AfterNumber(_sequence.Last);
                return events;
            }
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseReceiverAsync();
        await CloseSteppingAsync();
    }

    private async Task<IReadOnlyList<RawEvent>> ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            _receiver ??= new PartitionReceiver(
                _consumerGroup,
                _end.Id,
                _next.Position,
                _client.Connection,
                new PartitionReceiverOptions
                {
                    RetryOptions = _client.Endpoint.Retry(0),
                    PrefetchCount = _client.Settings.PrefetchEvents,
                    PrefetchSizeInBytes = _client.Settings.PrefetchBytes,
                });
            var received = await _receiver.ReceiveBatchAsync(_client.Settings.MaxBatchEvents, SilenceBeforeAsking, cancellationToken);
            var all = received.ToList();
            if (all.Count > 0 && _sequence.Map(all, _mapping, out var events) is null)
            {
                return events;
            }

            if (all.Count == 0 && await IsGoneAsync(cancellationToken))
            {
                _ended = true;
                return [];
            }
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && !HubException.IsUndecodable(exception))
        {
            await CloseReceiverAsync();
            throw HubException.From(exception, _client.Endpoint);
        }
        catch (Exception exception) when (HubException.IsUndecodable(exception))
        {
            // Read alone, below.
        }

        // It failed over an event, left some out, or is silent though there is more.
        await CloseReceiverAsync();
        _stepsLeft = SteppingReader.StepsPastTrouble;
        return [];
    }

    private async Task<IReadOnlyList<RawEvent>> StepAsync(CancellationToken cancellationToken)
    {
        try
        {
            _stepping ??= await SteppingReader.OpenAsync(
                _client,
                _consumerGroup,
                _end.Id,
                _next,
                ownerLevel: null,
                _fields,
                cancellationToken);
            if (await _stepping.NextAsync(SilenceBeforeAsking, cancellationToken) is { } found)
            {
                _stepsLeft = found.Undecodable is null ? _stepsLeft - 1 : SteppingReader.StepsPastTrouble;
                if (_stepsLeft == 0)
                {
                    await CloseSteppingAsync();
                }

                return [found];
            }

            _ended = await IsGoneAsync(cancellationToken);
            return [];
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            await CloseSteppingAsync();
            throw HubException.From(exception, _client.Endpoint);
        }
    }

    private async Task<bool> IsGoneAsync(CancellationToken cancellationToken)
    {
        var now = await _client.GetPartitionAsync(_end.Id, cancellationToken);
        return now.IsEmpty
            || now.BeginningSequenceNumber > _end.LastEnqueuedSequenceNumber
            || now.LastEnqueuedSequenceNumber < _end.LastEnqueuedSequenceNumber;
    }

    private async Task CloseReceiverAsync()
    {
        if (_receiver is { } receiver)
        {
            _receiver = null;
            await receiver.CloseAsync(CancellationToken.None);
        }
    }

    private async Task CloseSteppingAsync()
    {
        if (_stepping is { } stepping)
        {
            _stepping = null;
            _stepsLeft = 0;
            await stepping.DisposeAsync();
        }
    }
}
