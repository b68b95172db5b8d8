using Ingest.Checkpoints;
using Ingest.Diagnostics;

namespace Ingest.Cli.Commands;

/// <summary>What the database says of the work done.</summary>
internal sealed record StoredState(
    IReadOnlyList<CheckpointLine> Checkpoints, IReadOnlyList<DayRows> Days, IReadOnlyList<ReasonCount> Reasons,
    DeadLetterAccounts DeadLetters);

/// <summary>A checkpoint and its lag.</summary>
internal sealed record CheckpointLine(
    string Hub,
    string ConsumerGroup,
    string Partition,
    long Epoch,
    string? Offset,
    long? SequenceNumber,
    DateTime? EnqueuedTime,
    long? LagEvents,
    long Received,
    long Stored,
    long Duplicate,
    long DeadLettered,
    long Ignored,
    long Collisions,
    long NotKept,
    long Missed,
    DateTime UpdatedAt,
    string? Owner,
    DateTime? OwnedSince)
{
    public static CheckpointLine From(
        StoredCheckpoint checkpoint, Dictionary<(string Hub, string Partition), long> ends, Dictionary<PartitionKey, PartitionOwner> owners)
    {
        var (key, position, counts) = (checkpoint.Partition, checkpoint.Position, checkpoint.Counts);
        var owner = owners.GetValueOrDefault(key);
        long? lag = ends.TryGetValue((key.Hub, key.Partition), out var end) ? Math.Max(0, end - (position?.SequenceNumber ?? -1)) : null;
        return new CheckpointLine(
            key.Hub, key.ConsumerGroup, key.Partition, checkpoint.Epoch, position?.Offset, position?.SequenceNumber, position?.EnqueuedTime,
            lag,
            counts.Received, counts.Stored, counts.Duplicate, counts.DeadLettered, counts.Ignored, counts.Collisions,
            counts.NotKept, counts.Missed,
            checkpoint.UpdatedAt, owner?.Owner, owner?.OwnedSince);
    }
}
