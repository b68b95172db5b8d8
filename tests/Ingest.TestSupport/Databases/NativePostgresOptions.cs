namespace Ingest.TestSupport.Databases;

/// <summary>How a native PostgreSQL is set up.</summary>
public sealed class NativePostgresOptions
{
    /// <summary>Settings of postgresql.conf, besides those for a short-lived server on loopback (which these override).</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Where its data folder is made. Default: the temporary folder; a benchmark or a test of full disks names another.</summary>
    public string Folder { get; init; } = Path.GetTempPath();
}

/// <summary>How PostgreSQL is asked to stop.</summary>
public enum StopMode
{
    /// <summary>Waits for all clients to leave.</summary>
    Smart,

    /// <summary>Rolls back and disconnects all clients.</summary>
    Fast,

    /// <summary>Stops without cleaning up; the next start recovers.</summary>
    Immediate,
}
