using System.Buffers;
using Amqp;
using Amqp.Framing;

namespace Ingest.LocalHub.Protocol;

/// <summary>A link the hub receives on: puts messages together, settles them, and gives credit as long as it may.</summary>
internal abstract class IncomingLink(HubSession session, Attach attach) : HubLink(session, attach)
{
    /// <summary>The longest message taken, in bytes: what Event Hubs takes.</summary>
    public const int MaxMessageLength = 1024 * 1024;

    private const uint FullCredit = 256;

    // What is too long is refused at its end; what has no end, here.
    private const int LongestDelivery = 4 * MaxMessageLength;

    private readonly ArrayBufferWriter<byte> _parts = new();
    private uint _deliveryCount = attach.InitialDeliveryCount;
    private uint _credit;
    private bool _partial;
    private uint _deliveryId;
    private uint _format;
    private bool _settled;
    private long _received;

    public override void OnFlow(Flow flow)
    {
        if (flow.Echo)
        {
            SendCredit();
        }
    }

    public void OnTransfer(Transfer transfer, ReadOnlySpan<byte> payload)
    {
        if (DetachError is not null)
        {
            // It is being detached: what was on its way is not taken.
            return;
        }

        if (!_partial)
        {
            if (_credit == 0)
            {
                RequestDetach(new Error(ErrorCode.TransferLimitExceeded) { Description = "More was sent than there was credit for." });
                return;
            }

            _received = 0;
            _deliveryId = transfer.DeliveryId;
            _format = transfer.MessageFormat;
            _settled = transfer.Settled;
        }

        _settled |= transfer.Settled;
        if (transfer.Aborted)
        {
            End();
            return;
        }

        _received += payload.Length;
        if (_received > LongestDelivery)
        {
            _parts.Clear();
            RequestDetach(
                new Error(ErrorCode.MessageSizeExceeded)
                {
                    Description = $"A message is at most {MaxMessageLength} bytes long, and this one has no end.",
                });
            return;
        }

        if (transfer.More || _partial)
        {
            _partial = true;
            if (_parts.WrittenCount <= MaxMessageLength)
            {
                _parts.Write(payload);
            }

            if (transfer.More)
            {
                return;
            }

            payload = _parts.WrittenSpan;
        }

        Settle(Take(payload));
        End();
    }

    /// <summary>Gives credit where it runs low. True where it is held back and <see cref="HubConnection.Wake"/> will come.</summary>
    public bool Replenish()
    {
        if (_credit > FullCredit / 2 || DetachError is not null)
        {
            return false;
        }

        if (MustHold())
        {
            return true;
        }

        _credit = FullCredit;
        SendCredit();
        return false;
    }

    /// <summary>Takes a message in.</summary>
    /// <exception cref="AmqpException">It is refused, with its error.</exception>
    protected abstract void OnMessage(ReadOnlySpan<byte> message, uint format);

    protected virtual bool MustHold() => false;

    private DeliveryState Take(ReadOnlySpan<byte> message)
    {
        if (message.Length > MaxMessageLength)
        {
            return new Rejected
            {
                Error = new Error(ErrorCode.MessageSizeExceeded) { Description = $"A message is at most {MaxMessageLength} bytes long." },
            };
        }

        try
        {
            OnMessage(message, _format);
            return new Accepted();
        }
        catch (AmqpException refusal)
        {
            return new Rejected { Error = refusal.Error };
        }
    }

    private void Settle(DeliveryState state)
    {
        if (!_settled)
        {
            Session.Send(new Dispose { Role = true, First = _deliveryId, Settled = true, State = state });
        }
    }

    private void End()
    {
        _deliveryCount++;
        _credit = _credit == 0 ? 0 : _credit - 1;
        _partial = false;
        _parts.ResetWrittenCount();
    }

    private void SendCredit() => Session.SendFlow(new Flow { Handle = Handle, DeliveryCount = _deliveryCount, LinkCredit = _credit });
}
