namespace Ingest.Sources.EventHubs;

/// <summary>What an event hub says about itself.</summary>
/// <param name="Name">Its name.</param>
/// <param name="CreatedAt">When it was created, UTC.</param>
/// <param name="PartitionIds">Its partitions.</param>
public sealed record HubProperties(string Name, DateTime CreatedAt, IReadOnlyList<string> PartitionIds);

/// <summary>What an event hub says about a partition.</summary>
/// <param name="Partition">The partition's id.</param>
/// <param name="BeginSequenceNumber">The sequence number of the oldest event still there.</param>
/// <param name="LastSequenceNumber">The sequence number of the newest event; -1 where none was ever sent.</param>
/// <param name="LastOffset">The newest event's offset.</param>
/// <param name="LastEnqueuedTime">The newest event's stamp, UTC.</param>
/// <param name="IsEmpty">Whether there is nothing to read.</param>
public sealed record PartitionProperties(
    string Partition, long BeginSequenceNumber, long LastSequenceNumber, string? LastOffset, DateTime LastEnqueuedTime, bool IsEmpty);
