namespace Ingest.Checkpoints;

/// <summary>A partition as one consumer group reads it: what a checkpoint is kept for.</summary>
/// <param name="Hub">The event hub: by default <c>host/name</c>.</param>
/// <param name="ConsumerGroup">The consumer group.</param>
/// <param name="Partition">The partition's id.</param>
public sealed record PartitionKey(string Hub, string ConsumerGroup, string Partition);

/// <summary>A place in a partition, up to and including the event it names.</summary>
/// <param name="Offset">The event's offset.</param>
/// <param name="SequenceNumber">The event's sequence number.</param>
/// <param name="EnqueuedTime">
/// The hub's own stamp of the event (<c>x-opt-enqueued-time</c>, UTC): where reading goes on when the hub no longer knows the offset.
/// </param>
public sealed record Position(string Offset, long SequenceNumber, DateTime EnqueuedTime);

/// <summary>
/// A move of a partition's checkpoint, stored in the transaction that stores the batch's rows. It holds only if the stored checkpoint
/// still has this owner's epoch and still stands at <paramref name="From"/>.
/// </summary>
/// <param name="Partition">Whose checkpoint moves.</param>
/// <param name="Epoch">The owner's epoch, from the claim at start-up.</param>
/// <param name="From">The sequence number the stored checkpoint must have; null where nothing has been stored yet.</param>
/// <param name="To">Where it stands afterwards: the batch's last event.</param>
/// <param name="Missed">Messages missing before or in this batch, by the gaps in its sequence numbers.</param>
public sealed record Checkpoint(PartitionKey Partition, long Epoch, long? From, Position To, long Missed = 0);
