namespace Ingest.Sources.EventHubs;

/// <summary>Which partition takes a batch: one by its id, one by a key's hash, or whichever the hub chooses.</summary>
public readonly record struct SendTarget
{
    /// <summary>The hub chooses.</summary>
    public static SendTarget Any => default;

    /// <summary>The partition's id, or null.</summary>
    public string? PartitionId { get; private init; }

    /// <summary>The partition key, or null. All messages of a batch share it.</summary>
    public string? PartitionKey { get; private init; }

    /// <summary>One partition.</summary>
    public static SendTarget Partition(string id) => new() { PartitionId = id };

    /// <summary>The partition that a key's hash falls on.</summary>
    public static SendTarget Key(string key) => new() { PartitionKey = key };
}
