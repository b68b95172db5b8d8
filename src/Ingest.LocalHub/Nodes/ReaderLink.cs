using Amqp.Framing;
using Ingest.LocalHub.Protocol;
using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub.Nodes;

/// <summary>Delivers a partition's events from a position on, and tells the log what its reader has passed.</summary>
/// <remarks>
/// A reader that acknowledges has passed what it acknowledged. One that takes events settled has passed what it gave new credit for:
/// of the credit it has granted, the largest amount it ever had open is still in its hands.
/// </remarks>
internal sealed class ReaderLink : OutgoingLink
{
    private readonly PartitionLog _log;
    private readonly ReaderClaim _claim;
    private readonly ReaderSet _readers;
    private readonly Queue<(uint DeliveryId, long SequenceNumber)> _unpassed = [];
    private readonly HashSet<uint> _unacknowledged = [];
    private long _next;
    private long _current;

    public ReaderLink(HubSession session, Attach attach, bool settled, PartitionLog log, ReaderSet readers, long? epoch, long start)
        : base(session, attach, settled)
    {
        _log = log;
        _readers = readers;
        _next = start;
        Epoch = epoch;
        readers.Add(this);
        _claim = log.Claim(readers.Group, start, session.Connection.Wake);
    }

    /// <summary>The owner level, or null for a reader without one.</summary>
    public long? Epoch { get; }

    public override void OnDisposition(uint first, uint last)
    {
        var acknowledged = first == last
            ? _unacknowledged.Remove(first)
            : _unacknowledged.RemoveWhere(id => id - first <= last - first) > 0;
        if (!acknowledged)
        {
            return;
        }

        while (_unpassed.TryPeek(out var oldest) && !_unacknowledged.Contains(oldest.DeliveryId))
        {
            _unpassed.Dequeue();
        }

        Advance();
    }

    public override void OnEnded()
    {
        _readers.Remove(this);
        _log.Release(_claim);
    }

    protected override bool TryNext(out ArraySegment<byte> message)
    {
        if (!_log.TryRead(ref _next, out message))
        {
            return false;
        }

        _current = _next++;
        return true;
    }

    protected override void OnSent(uint deliveryId)
    {
        _unpassed.Enqueue((deliveryId, _current));
        if (!Settled)
        {
            _unacknowledged.Add(deliveryId);
        }
    }

    protected override void OnLimit()
    {
        if (!Settled)
        {
            return;
        }

        var open = Math.Min(LargestCredit, Limit - Sent);
        while (_unpassed.Count > LargestCredit - open)
        {
            _unpassed.Dequeue();
        }

        Advance();
    }

    private void Advance() => _log.Advance(_claim, _unpassed.TryPeek(out var oldest) ? oldest.SequenceNumber : _next);
}
