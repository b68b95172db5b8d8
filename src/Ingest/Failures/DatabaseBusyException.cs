namespace Ingest.Failures;

/// <summary>
/// The database is reachable but too busy: wait and try again. The message says what happened and what to check.
/// </summary>
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
