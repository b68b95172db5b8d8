namespace Ingest.Cli.Up;

/// <summary>What <c>ingest up</c> was asked for.</summary>
internal sealed record UpOptions
{
    /// <summary>Another hub's connection string; null starts the local one.</summary>
    public string? Hub { get; init; }

    /// <summary>Another database's connection string; null starts the embedded one.</summary>
    public string? Database { get; init; }

    public bool Fresh { get; init; }

    public int Port { get; init; }

    public int Partitions { get; init; }

    public int Devices { get; init; }

    /// <summary>Messages a second, in all.</summary>
    public int Rate { get; init; }

    public bool Faults { get; init; }

    public bool Replay { get; init; }

    /// <summary>Stop after this many messages; null runs until it is told to stop.</summary>
    public long? Events { get; init; }
}
