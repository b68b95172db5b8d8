namespace Ingest.Sources.Archives;

/// <summary>A place that holds an archive's files: a folder, or a container of blobs.</summary>
public abstract class Archive
{
    /// <summary>What checkpoints and dead letters call it: a full path or a URL, without anything secret.</summary>
    public abstract string Name { get; }

    /// <summary>How many files are read at a time: as many as hide the wait for each.</summary>
    public abstract int FilesAtATime { get; }

    /// <summary>The files whose names begin with <paramref name="prefix"/>, in any order; folders are none.</summary>
    /// <exception cref="ArchiveException">It cannot be listed; the message says why.</exception>
    public abstract IAsyncEnumerable<ArchiveFile> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>Opens a file, to be read from its begin.</summary>
    public abstract Task<Stream> OpenAsync(ArchiveFile file, CancellationToken cancellationToken);

    /// <summary>The file as it is now; null where it is gone.</summary>
    public abstract Task<ArchiveFile?> FindAsync(string name, CancellationToken cancellationToken);

    /// <summary>Why reading failed, in a clause; null where the exception is none of reading.</summary>
    public abstract string? Explain(Exception exception);
}
