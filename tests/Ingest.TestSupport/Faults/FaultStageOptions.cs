namespace Ingest.TestSupport.Faults;

/// <summary>How large a <see cref="FaultStage"/> is, and how its parts are set up.</summary>
public sealed record FaultStageOptions
{
    /// <summary>The hub's partitions.</summary>
    public int Partitions { get; init; } = 4;

    /// <summary>What the devices send.</summary>
    public int MessagesPerSecond { get; init; } = 500;

    /// <summary>How often a worker renews its partitions, in seconds.</summary>
    public int LoadBalancingIntervalSeconds { get; init; } = 1;

    /// <summary>After how long without renewal a worker's partitions are free, in seconds.</summary>
    public int OwnershipExpirySeconds { get; init; } = 5;

    /// <summary>Further settings of the workers.</summary>
    public IReadOnlyDictionary<string, string> WorkerSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>Settings of the server.</summary>
    public IReadOnlyDictionary<string, string> ServerSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the server's data must lie on a small disk of its own.</summary>
    public bool OnSmallDisk { get; init; }
}
