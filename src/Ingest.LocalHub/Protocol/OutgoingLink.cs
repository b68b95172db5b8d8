using Amqp.Framing;

namespace Ingest.LocalHub.Protocol;

/// <summary>
/// A link the hub sends on: credit counted as AMQP defines it, long messages cut into frames as the session's window allows.
/// </summary>
internal abstract class OutgoingLink(HubSession session, Attach attach, bool settled) : HubLink(session, attach)
{
    private uint _deliveryCount;
    private uint _limit;
    private bool _drain;
    private ArraySegment<byte> _unsent;
    private uint _deliveryId;
    private bool _begun;

    /// <summary>Whether messages are sent settled: the peer does not acknowledge them.</summary>
    protected bool Settled => settled;

    /// <summary>How many messages have been sent whole.</summary>
    protected uint Sent => _deliveryCount;

    /// <summary>Up to how many messages the peer has allowed in all, and at most how many of them were open at once.</summary>
    protected uint Limit => _limit;

    protected uint LargestCredit { get; private set; }

    public override void OnFlow(Flow flow)
    {
        if (flow.HasField(6))
        {
            var seen = flow.HasField(5) ? flow.DeliveryCount : 0;
            _limit = seen + flow.LinkCredit;
            LargestCredit = Math.Max(LargestCredit, flow.LinkCredit);
            _drain = flow.Drain;
            OnLimit();
        }

        if (flow.Echo)
        {
            SendState();
        }
    }

    /// <summary>
    /// Writes messages until credit, window, messages or the budget of bytes are used up. True where the budget ended it.
    /// </summary>
    public bool Pump(FrameWriter writer, int budget)
    {
        if (DetachError is not null)
        {
            return false;
        }

        var end = writer.Length + budget;
        while (writer.Length < end)
        {
            if (_unsent.Count == 0 && !TryBegin())
            {
                return false;
            }

            if (Session.OutgoingWindow == 0)
            {
                return false;
            }

            var taken =
                writer.Transfer(Session.Channel, Handle, _deliveryId, !_begun, settled, _unsent, Session.Connection.PeerMaxFrameLength);
            Session.OnTransferSent();
            _begun = true;
            _unsent = _unsent[taken..];
            if (_unsent.Count == 0)
            {
                _deliveryCount++;
                OnSent(_deliveryId);
            }
        }

        return true;
    }

    /// <summary>The next message, where there is one.</summary>
    protected abstract bool TryNext(out ArraySegment<byte> message);

    protected virtual void OnSent(uint deliveryId)
    {
    }

    /// <summary>The peer has set its credit.</summary>
    protected virtual void OnLimit()
    {
    }

    /// <summary>The peer says what became of the deliveries from first to last.</summary>
    public virtual void OnDisposition(uint first, uint last)
    {
    }

    private bool TryBegin()
    {
        var credit = (int)(_limit - _deliveryCount);
        if (credit <= 0)
        {
            return false;
        }

        if (TryNext(out _unsent))
        {
            _deliveryId = Session.NextDeliveryId();
            _begun = false;
            return true;
        }

        if (_drain)
        {
            _drain = false;
            _deliveryCount = _limit;
            SendState(drained: true);
        }

        return false;
    }

    private void SendState(bool drained = false) => Session.SendFlow(new Flow
    {
        Handle = Handle,
        DeliveryCount = _deliveryCount,
        LinkCredit = (uint)Math.Max(0, (int)(_limit - _deliveryCount)),
        Drain = drained,
    });
}
