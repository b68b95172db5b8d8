namespace Ingest.Schema;

/// <summary>What a login is to do with the tables.</summary>
public enum DatabaseUse
{
    /// <summary>Read them.</summary>
    Read,

    /// <summary>Store readings.</summary>
    Write,

    /// <summary>Store readings, and drop those past the retention.</summary>
    WriteAndDrop,
}
