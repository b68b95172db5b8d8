namespace Ingest.Checkpoints;

/// <summary>Which worker reads a partition.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Owner">The worker's name for this run; empty where the partition was given up.</param>
/// <param name="OwnedSince">Since when it has the partition, by the server's clock.</param>
/// <param name="Age">How long ago it last renewed, by the server's clock.</param>
/// <param name="Version">What the next claim must name.</param>
public sealed record PartitionOwner(PartitionKey Partition, string Owner, DateTime OwnedSince, TimeSpan Age, long Version);

/// <summary>A claim of a partition.</summary>
/// <param name="Partition">The partition's id.</param>
/// <param name="Owner">Who wants it, or has it and renews; empty to give it up.</param>
/// <param name="Version">The version it was seen with; null where no row was there.</param>
public sealed record OwnerClaim(string Partition, string Owner, long? Version);
