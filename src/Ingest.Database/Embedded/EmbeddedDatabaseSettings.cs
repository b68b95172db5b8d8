namespace Ingest.Database.Embedded;

/// <summary>Where the embedded database lives.</summary>
public sealed class EmbeddedDatabaseSettings
{
    /// <summary>The folder that holds its data; made if missing. Default: <c>database</c> in <see cref="StateFolder.OfUser"/>.</summary>
    public string DataFolder { get; init; } = Path.Combine(StateFolder.OfUser, "database");

    /// <summary>Whether to start with an empty database. Default: false, what an earlier run stored is there.</summary>
    public bool Fresh { get; init; }

    /// <summary>The folder below which the Node packages are installed. Default: <see cref="StateFolder.OfUser"/>.</summary>
    public string PackagesFolder { get; init; } = StateFolder.OfUser;

    /// <summary>Which packages to install there. Default: only what the embedded database needs.</summary>
    public Node.NodePackageSet Packages { get; init; } = Node.NodePackageSet.EmbeddedDatabase;

    /// <summary>Whether the data folder is removed when the database stops, however this process ends. For tests.</summary>
    internal bool Temporary { get; init; }
}
