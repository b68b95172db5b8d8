using System.Threading.Channels;
using Amqp;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources.Diagnostics;
using Polly;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// A partition as one unbroken sequence of events. Links come and go underneath: each begins after the last event received, so that
/// nothing is handed out twice and nothing is left out.
/// </summary>
/// <remarks>
/// Receiving never waits: the credit bounds what can arrive, and <see cref="Complete"/> gives it back. An event is proved before reading
/// goes on after it: the hub sends it again first, and only if it still has the same sequence number and stamp does its offset mean the
/// same place. A hub that was made anew, or restored elsewhere, is read from the event's stamp.
/// </remarks>
internal sealed class PartitionReader : IAsyncDisposable
{
    private static readonly TimeSpan ProvenAfter = TimeSpan.FromSeconds(5);

    private readonly HubClient _client;
    private readonly ReaderOptions _options;
    private readonly EventMapping _mapping;
    private readonly Channel<Received> _received;
    private readonly ResiliencePipeline _reconnect;
    private readonly CancellationTokenSource _stopping = new();

    // Written by the receiving thread and by the one that completes batches.
    private readonly Lock _lock = new();
    private readonly CreditWindow _window;
    private PartitionLink? _link;
    private StartPosition _next;
    private bool _proving;
    private bool _disproved;
    private bool _restarted;
    private bool _connectedBefore;

    private Task _running = Task.CompletedTask;

    public PartitionReader(HubClient client, ReaderOptions options)
    {
        _client = client;
        _options = options;
        _next = options.Start;
        _mapping = new EventMapping(client.Hub, options.Partition, options.TimeSource);
        _window = new CreditWindow(client.Settings.PrefetchEvents, client.Settings.PrefetchBytes);
        // Unbounded in form only: the hub sends no more than the credit it was given.
        _received = Channel.CreateUnbounded<Received>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = false });
        _reconnect = ReconnectPolicy.ForReading(TimeSpan.FromSeconds(client.Settings.MaxRetryDelaySeconds), client.Time, OnRetry);
    }

    /// <summary>Links made after the first one.</summary>
    public int Reconnects { get; private set; }

    /// <summary>Why the last link ended, or the last attempt failed; null while the link is well.</summary>
    public HubException? LastError { get; private set; }

    /// <summary>Whether a link is attached.</summary>
    public bool IsAttached
    {
        get
        {
            lock (_lock)
            {
                return _link is not null;
            }
        }
    }

    /// <summary>Events received and not yet completed.</summary>
    public int Held
    {
        get
        {
            lock (_lock)
            {
                return _window.Held;
            }
        }
    }

    /// <summary>Begins to receive, and goes on through every failure but a lost ownership.</summary>
    public void Start() => _running = RunAsync();

    /// <summary>Ends receiving. What was received can still be taken.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _running;
    }

    /// <summary>Takes what is waiting, and awaits the first event where nothing is.</summary>
    /// <returns>Null when receiving was stopped and everything received has been taken.</returns>
    /// <exception cref="OwnershipLostException">A reader with a higher epoch has the partition.</exception>
    public async Task<ReceivedBatch?> TakeAsync(CancellationToken cancellationToken)
    {
        var reader = _received.Reader;
        if (!await reader.WaitToReadAsync(cancellationToken) || !reader.TryRead(out var first))
        {
            return null;
        }

        var events = new List<RawEvent>(Math.Clamp(Held, 1, _client.Settings.MaxBatchEvents)) { first.Event };
        while (events.Count < _client.Settings.MaxBatchEvents && reader.TryPeek(out var next) && !next.Restarted && reader.TryRead(out next))
        {
            events.Add(next.Event);
        }

        return new ReceivedBatch(events, first.Restarted);
    }

    /// <summary>Says that events taken are done with, so that as many may follow.</summary>
    public void Complete(int events)
    {
        lock (_lock)
        {
            _window.Completed(events);
            GiveCredit();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (!_stopping.IsCancellationRequested)
            {
                await _reconnect.ExecuteAsync(ReceiveAsync, _stopping.Token);
            }

            _received.Writer.TryComplete();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            _received.Writer.TryComplete();
        }
        catch (Exception exception)
        {
            LastError = exception as HubException;
            _received.Writer.TryComplete(exception);
        }
    }

    /// <summary>Receives over one link. Returns when a link that had proved itself ended; throws when it never did.</summary>
    private async ValueTask ReceiveAsync(CancellationToken cancellationToken)
    {
        HubException ended;
        var link = await AttachAsync(cancellationToken);
        var since = _client.Time.GetTimestamp();
        try
        {
            ended = await link.Ended.WaitAsync(cancellationToken);
        }
        finally
        {
            lock (_lock)
            {
                _link = null;
            }

            link.Close();
        }

        if (ended.Failure == HubFailure.Transient && _client.Time.GetElapsedTime(since) >= ProvenAfter)
        {
            OnRetry(ended, TimeSpan.Zero);
            return;
        }

        throw ended;
    }

    private async Task<PartitionLink> AttachAsync(CancellationToken cancellationToken)
    {
        var connection = await _client.ConnectAsync(cancellationToken);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(_client.Settings.OperationTimeoutSeconds), _client.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var filter = await ResolveStartAsync(either.Token);
            var link = await PartitionLink.AttachAsync(
                connection, _client.Endpoint, _options.ConsumerGroup, _options.Partition, filter, _options.Epoch, either.Token);
            Begin(link);
            return link;
        }
        catch (HubException exception) when (exception.Failure == HubFailure.PositionUnknown)
        {
            lock (_lock)
            {
                _disproved = true;
            }

            throw;
        }
        catch (Exception exception) when (exception is not HubException && !cancellationToken.IsCancellationRequested)
        {
            throw HubException.From(exception, _client.Endpoint);
        }
    }

    /// <summary>The filter to attach with, once it is sure that the hub still knows the place.</summary>
    private async Task<string> ResolveStartAsync(CancellationToken cancellationToken)
    {
        StartPosition start;
        bool disproved;
        lock (_lock)
        {
            start = _next;
            disproved = _disproved;
            _proving = false;
        }

        if (start is not StartPosition.AfterEvent { Position: var last })
        {
            return start.Filter;
        }

        var partition = await _client.GetPartitionAsync(_options.Partition, cancellationToken);
        if (last.SequenceNumber > partition.LastSequenceNumber)
        {
            return RestartByTime().Filter;
        }

        if (partition.BeginSequenceNumber > last.SequenceNumber)
        {
            // Retention took the event: everything that is left comes after it.
            return StartPosition.Earliest.Filter;
        }

        if (disproved)
        {
            // The number should be there, and is another event's: the hub counts anew.
            return RestartByTime().Filter;
        }

        lock (_lock)
        {
            _proving = true;
        }

        return start.Filter;
    }

    private void Begin(PartitionLink link)
    {
        lock (_lock)
        {
            _link = link;
            _window.Reset();
            link.Start(_window.Grant(), OnMessage);
        }

        if (_connectedBefore)
        {
            Reconnects++;
        }

        _connectedBefore = true;
        if (LastError is not null)
        {
            LastError = null;
            SourcesLog.ReadingAgain(_client.Logger, _client.Hub, _options.Partition);
        }

        SourcesLog.Attached(_client.Logger, _client.Hub, _options.ConsumerGroup, _options.Partition);
    }

    private StartPosition RestartByTime()
    {
        lock (_lock)
        {
            if (_next is StartPosition.AfterEvent { Position: var last })
            {
                SourcesLog.PositionUnknown(_client.Logger, _client.Hub, _options.Partition, last.SequenceNumber, last.EnqueuedTime);
                _next = StartPosition.Since(last.EnqueuedTime);
                _restarted = true;
                _disproved = false;
            }

            return _next;
        }
    }

    private void OnMessage(PartitionLink link, Message message)
    {
        lock (_lock)
        {
            // A link that was given up may still deliver: its successor asks for the same events again.
            if (!ReferenceEquals(link, _link))
            {
                return;
            }

            try
            {
                Accept(_mapping.ToEvent(message));
            }
            catch (HubException exception)
            {
                _link = null;
                link.Abandon(exception);
            }
        }
    }

    private void Accept(RawEvent received)
    {
        _window.Received(received.Body.Length);
        if (_proving)
        {
            _proving = false;
            _window.Completed(1);
            Prove(received);
            return;
        }

        _disproved = false;
        _next = StartPosition.After(new Position(received.Offset!, received.SequenceNumber!.Value, Stamp(received)));
        _received.Writer.TryWrite(new Received(received, _restarted));
        _restarted = false;
    }

    private void Prove(RawEvent received)
    {
        if (_next is StartPosition.AfterEvent { Position: var last }
            && (received.SequenceNumber != last.SequenceNumber || Stamp(received) != last.EnqueuedTime))
        {
            // Retention may have taken the event since the partition was asked where it begins, so it is asked again before anything is concluded.
            _disproved = true;
            throw new HubException(
                HubFailure.PositionUnknown, $"Offset {last.Offset} is no longer event {last.SequenceNumber} of {last.EnqueuedTime:O}.");
        }
    }

    private void GiveCredit()
    {
        if (_link is { } link && !_stopping.IsCancellationRequested && _window.Grant() is > 0 and var credit)
        {
            link.AddCredit(credit);
        }
    }

    private void OnRetry(HubException exception, TimeSpan delay)
    {
        var isNews = LastError is null || LastError.NeedsOperator != exception.NeedsOperator;
        LastError = exception;
        SourcesMetrics.Reconnecting(_client.Hub, _options.ConsumerGroup, _options.Partition);
        if (!isNews)
        {
            SourcesLog.ReconnectingStill(_client.Logger, _client.Hub, _options.Partition, exception.Message, delay);
        }
        else if (exception.NeedsOperator)
        {
            SourcesLog.NeedsOperator(_client.Logger, _client.Hub, _options.Partition, exception.Message, delay);
        }
        else
        {
            SourcesLog.Reconnecting(_client.Logger, _client.Hub, _options.Partition, exception.Message, delay);
        }
    }

    /// <summary>The stamp a position goes by.</summary>
    internal static DateTime Stamp(RawEvent received) => received.HubEnqueuedTime ?? received.EnqueuedTime ?? DateTime.UnixEpoch;

    private readonly record struct Received(RawEvent Event, bool Restarted);
}
