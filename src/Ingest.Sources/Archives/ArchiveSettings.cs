namespace Ingest.Sources.Archives;

/// <summary>How to log in where an archive is a container of blobs: section <c>Archive</c>.</summary>
public sealed class ArchiveSettings
{
    public const string Section = "Archive";

    /// <summary>The storage account's connection string. Default: none.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Instead: a shared access signature that may list and read the container. Default: none; with neither, a Microsoft Entra identity.
    /// </summary>
    public string SharedAccessSignature { get; set; } = "";
}
