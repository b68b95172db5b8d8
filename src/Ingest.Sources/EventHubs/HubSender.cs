using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Ingest.Sources.Diagnostics;
using Polly;
using Outcome = Amqp.Framing.Outcome;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Sends messages to an event hub, at least once each: a call returns when the hub has accepted all its messages. Where the hub gives no
/// credit, it waits. Safe for many threads; the order is kept within a call.
/// </summary>
public sealed class HubSender : IDisposable
{
    private const long SmallestMaxMessageBytes = 256 * 1024;
    private const long LargestBatchBytes = 1024 * 1024;

    private readonly HubClient _client;
    private readonly ResiliencePipeline _retry;
    private readonly ConcurrentDictionary<string, SenderSlot> _slots = new(StringComparer.Ordinal);

    /// <param name="client">The hub; disposed by whoever made it.</param>
    public HubSender(HubClient client)
    {
        _client = client;
        _retry = ReconnectPolicy.ForSending(
            TimeSpan.FromSeconds(client.Settings.MaxRetryDelaySeconds),
            client.Time,
            (exception, delay) => SourcesLog.SendingAgain(client.Logger, client.Hub, exception.Message, delay));
    }

    /// <summary>Sends messages in as few deliveries as their size allows.</summary>
    /// <exception cref="HubException">The hub refuses them for good: a message is too large, or the right to send is missing.</exception>
    public async Task<SendResult> SendAsync(IReadOnlyList<HubMessage> messages, SendTarget target, CancellationToken cancellationToken)
    {
        var address = target.PartitionId is { } partition ? $"{_client.Endpoint.Name}/Partitions/{partition}" : _client.Endpoint.Name;
        var slot = _slots.GetOrAdd(address, static name => new SenderSlot(name));
        var resent = 0;
        var link = await _retry.ExecuteAsync(async token => await AttachedAsync(slot, token), cancellationToken);
        foreach (var batch in MessageBatches.Pack(messages, target.PartitionKey, link.MaxMessageBytes))
        {
            var attempts = 0;
            await _retry.ExecuteAsync(
                async token =>
                {
                    var attached = await AttachedAsync(slot, token);
                    attempts++;
                    await attached.SendAsync(batch.Envelope, _client.Endpoint, token);
                },
                cancellationToken);
            resent += attempts > 1 ? batch.Messages : 0;
            SourcesMetrics.Sent(_client.Hub, batch.Messages);
        }

        return new SendResult(messages.Count, resent);
    }

    /// <summary>Closes the links.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots.Values)
        {
            slot.Dispose();
        }
    }

    private async Task<AttachedSender> AttachedAsync(SenderSlot slot, CancellationToken cancellationToken)
    {
        await slot.Gate.WaitAsync(cancellationToken);
        try
        {
            if (slot.Current is null || slot.Current.IsClosed)
            {
                // A hub that detached the link has left its session open.
                slot.Current?.Close();
                slot.Current = await AttachAsync(slot.Address, cancellationToken);
            }

            return slot.Current;
        }
        finally
        {
            slot.Gate.Release();
        }
    }

    private async Task<AttachedSender> AttachAsync(string address, CancellationToken cancellationToken)
    {
        var connection = await _client.ConnectAsync(cancellationToken);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(_client.Settings.OperationTimeoutSeconds), _client.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        Session? session = null;
        try
        {
            session = new Session(connection.Amqp);
            var (link, answer) = await AmqpLinks.OpenSenderAsync(
                session,
                $"ingest-send-{Guid.NewGuid():N}",
                new Attach { Source = new Source(), Target = new Target { Address = address } },
                _client.Endpoint,
                either.Token);
            var allowed = answer.MaxMessageSize is 0 or > long.MaxValue ? SmallestMaxMessageBytes : (long)answer.MaxMessageSize;
            return new AttachedSender(session, link, Math.Min(allowed, LargestBatchBytes));
        }
        catch (Exception exception)
        {
            if (session is not null)
            {
                AmqpLinks.Close(session);
            }

            if (exception is HubException || cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw HubException.From(exception, _client.Endpoint);
        }
    }

    /// <summary>The link to one address, made anew when it has ended.</summary>
    private sealed class SenderSlot(string address) : IDisposable
    {
        public string Address { get; } = address;

        public SemaphoreSlim Gate { get; } = new(1, 1);

        public AttachedSender? Current { get; set; }

        public void Dispose()
        {
            Current?.Close();
            Gate.Dispose();
        }
    }

    private sealed class AttachedSender
    {
        private readonly Session _session;
        private readonly SenderLink _link;
        private readonly TaskCompletionSource<Outcome?> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public AttachedSender(Session session, SenderLink link, long maxMessageBytes)
        {
            _session = session;
            _link = link;
            MaxMessageBytes = maxMessageBytes;
            link.AddClosedCallback((_, _) => _ended.TrySetResult(null));
        }

        public long MaxMessageBytes { get; }

        public bool IsClosed => _link.IsClosed;

        public async Task SendAsync(Message message, HubEndpoint endpoint, CancellationToken cancellationToken)
        {
            var answered = new TaskCompletionSource<Outcome?>(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                _link.Send(message, static (_, _, outcome, state) => ((TaskCompletionSource<Outcome?>)state).TrySetResult(outcome), answered);
            }
            catch (Exception exception) when (exception is AmqpException or ObjectDisposedException)
            {
                throw HubException.From(exception, endpoint);
            }

            // The library forgets the answer of a delivery that was being written when the connection broke.
            var first = await Task.WhenAny(answered.Task, _ended.Task).WaitAsync(cancellationToken);
            switch (answered.Task.IsCompletedSuccessfully ? answered.Task.Result : await first)
            {
                case Accepted:
                    return;
                case Rejected { Error: { } error }:
                    throw HubException.From(error, endpoint);
                default:
                    throw new HubException(HubFailure.Transient, $"{endpoint.Address} did not take the messages.");
            }
        }

        public void Close() => AmqpLinks.Close(_session);
    }
}
