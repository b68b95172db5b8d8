using System.Net.Sockets;
using System.Threading.Channels;
using Amqp;
using Amqp.Framing;
using Amqp.Sasl;
using Amqp.Types;
using Ingest.LocalHub.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ingest.LocalHub.Protocol;

/// <summary>
/// One client's connection. A loop reads and acts; another one writes what is to be sent, of which the events are taken from the partitions
/// only when the last ones have gone out, so that a slow reader costs no memory.
/// </summary>
internal sealed class HubConnection : IAsyncDisposable
{
    // A write is large enough to be cheap, and small enough that a reader gets its first events soon.
    private const int WriteBudget = 128 * 1024;
    private const int LinkBudget = 32 * 1024;

    // Answers that are not read. Events do not count: they wait in their partitions.
    private const int LongestBacklog = 4 * 1024 * 1024;
    private const ushort MaxChannel = 255;
    private const byte PlainProtocol = 0;
    private const byte SaslProtocol = 3;

    // A timer takes less than 50 days, and a token may be good for a year.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly Socket _socket;
    private readonly IHubNodes _nodes;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly FrameReader _reader;
    private readonly Lock _lock = new();
    private readonly Dictionary<ushort, HubSession> _sessions = [];
    private readonly Dictionary<string, DateTimeOffset> _grants = new(StringComparer.OrdinalIgnoreCase);
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private FrameWriter _pending = new();
    private FrameWriter _sending = new();
    private ITimer? _heartbeat;
    private ITimer? _tokenExpiry;
    private bool _heartbeatDue;
    private bool _closing;
    private string _peer = "?";

    public HubConnection(Socket socket, IHubNodes nodes, TimeProvider clock, ILogger logger)
    {
        _socket = socket;
        _nodes = nodes;
        _clock = clock;
        _logger = logger;
        _reader = new FrameReader(socket);
        Wake = () => _wakes.Writer.TryWrite(true);
    }

    /// <summary>Has the writing loop look again: events, room, credit or frames have come. From any thread.</summary>
    public Action Wake { get; }

    /// <summary>The longest frame the peer takes, in bytes.</summary>
    public int PeerMaxFrameLength { get; private set; } = 512;

    /// <summary>Serves the client until it or the hub ends the connection.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await ShakeHandsAsync(ended.Token).ConfigureAwait(false);
            var writing = WriteAsync(ended.Token);
            try
            {
                await ReadAsync(ended.Token).ConfigureAwait(false);
            }
            finally
            {
                // What is pending, such as the answer to a close, still goes out.
                lock (_lock)
                {
                    _closing = true;
                }

                Wake();
                await writing.ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            HubLog.ConnectionLost(_logger, _peer, exception.Message);
        }
        finally
        {
            lock (_lock)
            {
                foreach (var session in _sessions.Values)
                {
                    session.End();
                }

                _sessions.Clear();
            }
        }
    }

    /// <summary>Cuts the connection as a network does: without a word.</summary>
    public void Cut() => _socket.Dispose();

    public async ValueTask DisposeAsync()
    {
        if (_heartbeat is not null)
        {
            await _heartbeat.DisposeAsync().ConfigureAwait(false);
        }

        if (_tokenExpiry is not null)
        {
            await _tokenExpiry.DisposeAsync().ConfigureAwait(false);
        }

        _socket.Dispose();
    }

    public void Send(ushort channel, DescribedList performative) => _pending.Performative(channel, performative);

    public HubLink CreateLink(HubSession session, Attach attach) => _nodes.Attach(session, attach);

    public void OnLinkAttached(HubLink link) => HubLog.LinkAttached(_logger, _peer, link.GetType().Name, link.Name);

    public void OnAttachRefused(Attach attach, Error error) => HubLog.AttachRefused(_logger, _peer, attach.LinkName, error.Condition, error.Description);

    public void OnLinkEnded(HubLink link)
    {
        link.OnEnded();
        HubLog.LinkEnded(_logger, _peer, link.Name, link.DetachError?.Condition);
    }

    /// <summary>A token for this audience is good until then.</summary>
    public void Grant(string audience, DateTimeOffset expiry)
    {
        _grants[audience] = expiry;
        AwaitExpiry();
    }

    /// <summary>Whether a token that is good now covers the entity.</summary>
    public bool IsGranted(string entity) =>
        _grants.Any(g => g.Value > _clock.GetUtcNow() && EntityPath.Covers(g.Key, entity));

    /// <summary>Detaches every link to an entity.</summary>
    public void DetachLinks(Error error)
    {
        lock (_lock)
        {
            foreach (var link in _sessions.Values.SelectMany(s => s.Links).Where(l => l.Entity is not null))
            {
                link.RequestDetach(error);
            }
        }
    }

    private async Task ShakeHandsAsync(CancellationToken cancellationToken)
    {
        // Every step waits for the peer's: some clients lose what comes in the same read as the outcome of SASL.
        var protocol = await ReadProtocolHeaderAsync(cancellationToken).ConfigureAwait(false);
        if (protocol == SaslProtocol)
        {
            _pending.ProtocolHeader(SaslProtocol);
            _pending.Performative(0, new SaslMechanisms { SaslServerMechanisms = [new Symbol("ANONYMOUS"), new Symbol("MSSBCBS"), new Symbol("PLAIN"), new Symbol("EXTERNAL")] }, FrameType.Sasl);
            await FlushAsync(cancellationToken).ConfigureAwait(false);
            await ReadSaslInitAsync(cancellationToken).ConfigureAwait(false);
            _pending.Performative(0, new SaslOutcome { Code = SaslCode.Ok }, FrameType.Sasl);
            await FlushAsync(cancellationToken).ConfigureAwait(false);
            protocol = await ReadProtocolHeaderAsync(cancellationToken).ConfigureAwait(false);
        }

        if (protocol != PlainProtocol)
        {
            throw new AmqpException(ErrorCode.NotImplemented, $"Protocol {protocol} is not spoken here.");
        }

        _pending.ProtocolHeader(PlainProtocol);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<byte> ReadProtocolHeaderAsync(CancellationToken cancellationToken)
    {
        byte protocol;
        while (!_reader.TryTakeProtocolHeader(out protocol))
        {
            await ReceiveOrEndAsync(cancellationToken).ConfigureAwait(false);
        }

        return protocol;
    }

    private async Task ReadSaslInitAsync(CancellationToken cancellationToken)
    {
        DescribedList? performative;
        while (!_reader.TryTake(out _, out performative, out _))
        {
            await ReceiveOrEndAsync(cancellationToken).ConfigureAwait(false);
        }

        if (performative is not SaslInit)
        {
            throw new AmqpException(ErrorCode.NotAllowed, "SASL starts with sasl-init.");
        }
    }

    private async Task ReceiveOrEndAsync(CancellationToken cancellationToken)
    {
        if (!await _reader.ReceiveAsync(cancellationToken).ConfigureAwait(false))
        {
            throw new OperationCanceledException("The peer closed the connection.");
        }
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        await SendAllAsync(_pending.Written, cancellationToken).ConfigureAwait(false);
        _pending.Clear();
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        // Frames first: a client's open may have come together with its protocol header.
        do
        {
            bool open;
            lock (_lock)
            {
                open = ActOnFrames();
            }

            Wake();
            if (!open)
            {
                return;
            }
        }
        while (await _reader.ReceiveAsync(cancellationToken).ConfigureAwait(false));
    }

    private bool ActOnFrames()
    {
        try
        {
            while (_reader.TryTake(out var channel, out var performative, out var payload))
            {
                if (performative is not null && !Act(channel, performative, payload))
                {
                    return false;
                }

                if (_pending.Length > LongestBacklog)
                {
                    throw new AmqpException(ErrorCode.ResourceLimitExceeded, "The peer asks, and does not read the answers.");
                }
            }

            return true;
        }
        catch (Exception exception)
        {
            // Whatever a peer sends that cannot be understood ends its connection, and nothing else.
            HubLog.ProtocolBroken(_logger, exception, _peer);
            var error = (exception as AmqpException)?.Error ?? new Error(ErrorCode.FramingError) { Description = exception.Message };
            Send(0, new Close { Error = error });
            return false;
        }
    }

    private bool Act(ushort channel, DescribedList performative, ReadOnlySpan<byte> payload)
    {
        switch (performative)
        {
            case Open open:
                OnOpen(open);
                return true;
            case Close:
                Send(0, new Close());
                return false;
            case Begin begin:
                if (channel > MaxChannel)
                {
                    throw new AmqpException(ErrorCode.NotAllowed, $"There are channels up to {MaxChannel}.");
                }

                _sessions.Add(channel, new HubSession(this, channel, begin));
                return true;
            case End:
                if (_sessions.Remove(channel, out var ended))
                {
                    ended.End();
                    Send(channel, new End());
                }

                return true;
            default:
                if (_sessions.TryGetValue(channel, out var session))
                {
                    session.OnPerformative(performative, payload);
                }

                return true;
        }
    }

    private void OnOpen(Open open)
    {
        _peer = open.ContainerId;
        PeerMaxFrameLength = (int)Math.Clamp(open.HasField(2) ? open.MaxFrameSize : uint.MaxValue, 512, FrameReader.MaxFrameLength);
        Send(0, new Open
        {
            ContainerId = _nodes.ContainerId,
            MaxFrameSize = FrameReader.MaxFrameLength,
            ChannelMax = MaxChannel,
        });

        if (open.HasField(4) && open.IdleTimeOut > 0)
        {
            var period = TimeSpan.FromMilliseconds(Math.Max(100, open.IdleTimeOut / 3));
            _heartbeat = _clock.CreateTimer(
                _ =>
                {
                    Volatile.Write(ref _heartbeatDue, true);
                    Wake();
                },
                null,
                period,
                period);
        }

        HubLog.ConnectionOpened(_logger, _peer);
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                bool closing;
                lock (_lock)
                {
                    closing = _closing;
                    if (!closing)
                    {
                        Prepare();
                    }

                    (_sending, _pending) = (_pending, _sending);
                }

                if (_sending.Length > 0)
                {
                    await SendAllAsync(_sending.Written, cancellationToken).ConfigureAwait(false);
                    _sending.Clear();
                }
                else if (closing)
                {
                    return;
                }
                else
                {
                    await _wakes.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The reading loop must not wait for a peer that cannot be written to.
            HubLog.ConnectionLost(_logger, _peer, exception.Message);
            _socket.Dispose();
        }
    }

    private void Prepare()
    {
        if (_heartbeatDue)
        {
            Volatile.Write(ref _heartbeatDue, false);
            _pending.EmptyFrame();
        }

        DetachExpired();
        foreach (var session in _sessions.Values)
        {
            session.DetachRequested();
            foreach (var link in session.Links)
            {
                (link as IncomingLink)?.Replenish();
            }
        }

        bool more;
        do
        {
            more = false;
            foreach (var session in _sessions.Values)
            {
                foreach (var link in session.Links)
                {
                    more |= link is OutgoingLink outgoing && outgoing.Pump(_pending, LinkBudget);
                }
            }
        }
        while (more && _pending.Length < WriteBudget);
    }

    private void DetachExpired()
    {
        var now = _clock.GetUtcNow();
        var expired = _grants.Where(g => g.Value <= now).Select(g => g.Key).ToList();
        if (expired.Count == 0)
        {
            return;
        }

        expired.ForEach(audience => _grants.Remove(audience));
        foreach (var link in _sessions.Values.SelectMany(s => s.Links).Where(l => l.Entity is not null && !IsGranted(l.Entity)))
        {
            link.RequestDetach(new Error(ErrorCode.UnauthorizedAccess) { Description = "ExpiredToken: the token is expired." });
        }

        AwaitExpiry();
    }

    private void AwaitExpiry()
    {
        _tokenExpiry?.Dispose();
        _tokenExpiry = null;
        if (_grants.Count > 0)
        {
            var left = _grants.Values.Min() - _clock.GetUtcNow();
            var wait = left <= TimeSpan.Zero ? TimeSpan.Zero : left < LongestWait ? left : LongestWait;
            _tokenExpiry = _clock.CreateTimer(_ => OnExpiryTimer(), null, wait, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnExpiryTimer()
    {
        lock (_lock)
        {
            if (_grants.Count > 0 && _grants.Values.Min() > _clock.GetUtcNow())
            {
                AwaitExpiry();
                return;
            }
        }

        Wake();
    }

    private async Task SendAllAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            var sent = await _socket.SendAsync(bytes, cancellationToken).ConfigureAwait(false);
            bytes = bytes[sent..];
        }
    }
}
