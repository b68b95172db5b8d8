namespace Ingest.Failures;

/// <summary>The database is there, and does not come to it now: wait and try again. The message says what happened and what to look at.</summary>
internal sealed class DatabaseBusyException : Exception
{
    public DatabaseBusyException(string message)
        : base(message)
    {
    }

    public DatabaseBusyException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
