using System.Net.Sockets;
using Amqp;
using Amqp.Framing;
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

    private readonly Socket _socket;
    private readonly IHubNodes _nodes;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly FrameReader _reader;
    private readonly Lock _lock = new();
    private readonly Dictionary<ushort, HubSession> _sessions = [];
    private readonly OutgoingFrames _outgoing;
    private readonly TokenGrants _grants;
    private string _peer = "?";

    public HubConnection(Socket socket, IHubNodes nodes, TimeProvider clock, ILogger logger)
    {
        _socket = socket;
        _nodes = nodes;
        _clock = clock;
        _logger = logger;
        _reader = new FrameReader(socket);
        _outgoing = new OutgoingFrames(socket, _lock, Prepare);
        _grants = new TokenGrants(clock, _lock, Wake);
    }

    /// <summary>Has the writing loop look again: events, room, credit or frames have come. From any thread.</summary>
    public void Wake() => _outgoing.Wake();

    /// <summary>The longest frame the peer takes, in bytes.</summary>
    public int PeerMaxFrameLength { get; private set; } = 512;

    /// <summary>Serves the client until it or the hub ends the connection.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await Handshake.RunAsync(_socket, _reader, _outgoing.Pending, ended.Token);
            var writing = WriteAsync(ended.Token);
            try
            {
                await ReadAsync(ended.Token);
            }
            finally
            {
                // What is pending, such as the answer to a close, still goes out.
                _outgoing.Close();
                await writing;
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
        await _outgoing.DisposeAsync();
        await _grants.DisposeAsync();

        _socket.Dispose();
    }

    public void Send(ushort channel, DescribedList performative) => _outgoing.Pending.Performative(channel, performative);

    public HubLink CreateLink(HubSession session, Attach attach) => _nodes.Attach(session, attach);

    public void OnLinkAttached(HubLink link) => HubLog.LinkAttached(_logger, _peer, link.GetType().Name, link.Name);

    public void OnAttachRefused(Attach attach, Error error) => HubLog.AttachRefused(_logger, _peer, attach.LinkName, error.Condition, error.Description);

    public void OnLinkEnded(HubLink link)
    {
        link.OnEnded();
        HubLog.LinkEnded(_logger, _peer, link.Name, link.DetachError?.Condition);
    }

    /// <summary>A token for this audience is good until then.</summary>
    public void Grant(string audience, DateTimeOffset expiry) => _grants.Add(audience, expiry);

    /// <summary>Whether a token that is good now covers the entity.</summary>
    public bool IsGranted(string entity) => _grants.Cover(entity);

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
        while (await _reader.ReceiveAsync(cancellationToken));
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

                if (_outgoing.Pending.Length > LongestBacklog)
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
            _outgoing.StartHeartbeat(TimeSpan.FromMilliseconds(Math.Max(100, open.IdleTimeOut / 3)), _clock);
        }

        HubLog.ConnectionOpened(_logger, _peer);
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _outgoing.RunAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The reading loop must not wait for a peer that cannot be written to.
            HubLog.ConnectionLost(_logger, _peer, exception.Message);
            _socket.Dispose();
        }
    }

    private void Prepare(FrameWriter frames)
    {
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
                    more |= link is OutgoingLink outgoing && outgoing.Pump(frames, LinkBudget);
                }
            }
        }
        while (more && frames.Length < WriteBudget);
    }

    private void DetachExpired()
    {
        if (!_grants.RemoveExpired())
        {
            return;
        }

        foreach (var link in _sessions.Values.SelectMany(s => s.Links).Where(l => l.Entity is not null && !IsGranted(l.Entity)))
        {
            link.RequestDetach(new Error(ErrorCode.UnauthorizedAccess) { Description = "ExpiredToken: the token is expired." });
        }
    }
}
