namespace Ingest.Sources.Archives.Formats;

/// <summary>A file, or a message in it, is damaged or not of a format that is read. The message says what was found, in a clause.</summary>
internal class UnreadableFileException : Exception
{
    public UnreadableFileException(string message)
        : base(message)
    {
    }

    public UnreadableFileException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
