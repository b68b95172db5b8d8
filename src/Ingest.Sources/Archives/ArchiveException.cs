namespace Ingest.Sources.Archives;

/// <summary>An archive, or one of its files, cannot be read. The message says what is wrong and what to do.</summary>
public sealed class ArchiveException : Exception
{
    public ArchiveException(string message)
        : base(message)
    {
    }

    public ArchiveException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
