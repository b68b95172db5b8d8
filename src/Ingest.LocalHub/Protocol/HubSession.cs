using Amqp;
using Amqp.Framing;
using Amqp.Types;

namespace Ingest.LocalHub.Protocol;

/// <summary>A session of a connection: its windows and its links. Everything in it happens under the connection's lock.</summary>
internal sealed class HubSession
{
    private const uint IncomingWindow = 2048;
    private const uint MaxHandle = 255;

    private readonly Dictionary<uint, HubLink> _links = [];
    private uint _nextOutgoingId;
    private uint _nextIncomingId;
    private uint _incomingLeft = IncomingWindow;
    private uint _nextDeliveryId;

    public HubSession(HubConnection connection, ushort channel, Begin begin)
    {
        Connection = connection;
        Channel = channel;
        _nextIncomingId = begin.NextOutgoingId;
        OutgoingWindow = begin.IncomingWindow;
        Send(new Begin
        {
            RemoteChannel = channel,
            NextOutgoingId = _nextOutgoingId,
            IncomingWindow = IncomingWindow,
            OutgoingWindow = IncomingWindow,
            HandleMax = MaxHandle,
        });
    }

    public HubConnection Connection { get; }

    /// <summary>The channel of both ends: the hub answers on the one that its peer chose.</summary>
    public ushort Channel { get; }

    /// <summary>How many transfer frames the peer still takes.</summary>
    public uint OutgoingWindow { get; private set; }

    public IEnumerable<HubLink> Links => _links.Values;

    public void Send(DescribedList performative) => Connection.Send(Channel, performative);

    public void SendFlow(Flow flow)
    {
        _incomingLeft = IncomingWindow;
        flow.NextIncomingId = _nextIncomingId;
        flow.IncomingWindow = IncomingWindow;
        flow.NextOutgoingId = _nextOutgoingId;
        flow.OutgoingWindow = OutgoingWindow;
        Send(flow);
    }

    public uint NextDeliveryId() => _nextDeliveryId++;

    public void OnTransferSent()
    {
        _nextOutgoingId++;
        OutgoingWindow--;
    }

    public void OnPerformative(DescribedList performative, ReadOnlySpan<byte> payload)
    {
        switch (performative)
        {
            case Transfer transfer:
                OnTransfer(transfer, payload);
                break;
            case Flow flow:
                OnFlow(flow);
                break;
            case Dispose disposition:
                OnDisposition(disposition);
                break;
            case Attach attach:
                OnAttach(attach);
                break;
            case Detach detach:
                OnDetach(detach);
                break;
            default:
                throw new AmqpException(ErrorCode.NotImplemented, $"{performative.Descriptor.Name} is not known in a session.");
        }
    }

    /// <summary>Detaches the links for which that has been asked.</summary>
    public void DetachRequested()
    {
        foreach (var link in _links.Values.Where(l => l.DetachError is not null).ToList())
        {
            Remove(link);
            Send(new Detach { Handle = link.Handle, Closed = true, Error = link.DetachError });
        }
    }

    public void End()
    {
        foreach (var link in _links.Values)
        {
            Connection.OnLinkEnded(link);
        }

        _links.Clear();
    }

    private void OnTransfer(Transfer transfer, ReadOnlySpan<byte> payload)
    {
        _nextIncomingId++;
        _incomingLeft--;
        if (_links.TryGetValue(transfer.Handle, out var link))
        {
            ((IncomingLink)link).OnTransfer(transfer, payload);
        }

        if (_incomingLeft <= IncomingWindow / 2)
        {
            SendFlow(new Flow());
        }
    }

    private void OnFlow(Flow flow)
    {
        OutgoingWindow = (flow.HasField(0) ? flow.NextIncomingId : 0) + flow.IncomingWindow - _nextOutgoingId;
        if (flow.HasField(4))
        {
            // A flow may cross our detach: then its link is gone, and so is what it says.
            if (_links.TryGetValue(flow.Handle, out var link))
            {
                link.OnFlow(flow);
            }
        }
        else if (flow.Echo)
        {
            SendFlow(new Flow());
        }
    }

    private void OnDisposition(Dispose disposition)
    {
        if (!disposition.Role)
        {
            return;
        }

        var last = disposition.HasField(2) ? disposition.Last : disposition.First;
        foreach (var link in _links.Values)
        {
            (link as OutgoingLink)?.OnDisposition(disposition.First, last);
        }

        if (!disposition.Settled)
        {
            Send(new Dispose { Role = false, First = disposition.First, Last = last, Settled = true, State = disposition.State });
        }
    }

    private void OnAttach(Attach attach)
    {
        if (attach.Handle > MaxHandle)
        {
            throw new AmqpException(ErrorCode.NotAllowed, $"There are handles up to {MaxHandle}.");
        }

        try
        {
            var link = Connection.CreateLink(this, attach);
            _links.Add(attach.Handle, link);
            Connection.OnLinkAttached(link);
        }
        catch (AmqpException refusal)
        {
            Connection.OnAttachRefused(attach, refusal.Error);
            Send(new Attach { LinkName = attach.LinkName, Handle = attach.Handle, Role = !attach.Role });
            Send(new Detach { Handle = attach.Handle, Closed = true, Error = refusal.Error });
        }
    }

    private void OnDetach(Detach detach)
    {
        if (_links.TryGetValue(detach.Handle, out var link))
        {
            Remove(link);
            Send(new Detach { Handle = detach.Handle, Closed = detach.Closed });
        }
    }

    private void Remove(HubLink link)
    {
        _links.Remove(link.Handle);
        Connection.OnLinkEnded(link);
    }
}
