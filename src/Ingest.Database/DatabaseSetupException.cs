namespace Ingest.Database;

/// <summary>
/// The database cannot be set up as things are. The message says what is wrong and what to do, and is meant to be shown as it is.
/// </summary>
public sealed class DatabaseSetupException : Exception
{
    public DatabaseSetupException(string message)
        : base(message)
    {
    }

    public DatabaseSetupException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
