using Amqp.Framing;
using Ingest.LocalHub.Protocol;
using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub.Nodes;

/// <summary>
/// Takes events in, for one partition or for the hub, which then chooses; holds its sender back while a partition is full.
/// </summary>
/// <param name="session">Its session.</param>
/// <param name="attach">The sender's attach.</param>
/// <param name="partitions">The hub's partitions.</param>
/// <param name="partition">The partition it was opened for, or null for the hub.</param>
internal sealed class PublisherLink(HubSession session, Attach attach, HubPartitions partitions, PartitionLog? partition)
    : IncomingLink(session, attach)
{
    /// <summary>The message format of a batch: every data section holds an encoded message.</summary>
    private const uint BatchFormat = 0x80013700;

    protected override bool MustHold() => partition is null
        ? partitions.HoldIfAnyIsFull(Session.Connection.Wake)
        : partition.HoldIfFull(Session.Connection.Wake);

    protected override void OnMessage(ReadOnlySpan<byte> message, uint format)
    {
        var parsed = EncodedMessage.Parse(message);
        if (format != BatchFormat)
        {
            (partition ?? partitions.For(EventEncoder.RoutingKey(parsed)) ?? partitions.Next()).Append(parsed, default);
            return;
        }

        // A batch is taken whole or not at all, so all of it must be readable before its first event is appended.
        var check = parsed.Rest;
        while (EncodedMessage.TryTakeData(ref check, out var encoded))
        {
            EncodedMessage.Parse(encoded);
        }

        var batchKey = EventEncoder.RoutingKey(parsed);
        var chosen = partition ?? partitions.For(batchKey);
        PartitionLog? turn = null;
        var sections = parsed.Rest;
        while (EncodedMessage.TryTakeData(ref sections, out var encoded))
        {
            var inner = EncodedMessage.Parse(encoded);
            (chosen ?? partitions.For(EventEncoder.RoutingKey(inner)) ?? (turn ??= partitions.Next())).Append(inner, batchKey);
        }
    }
}
