namespace Ingest.Failures;

/// <summary>
/// The identity that logs in to the database got no token, which may pass. The message says which identity, what happened and what to do.
/// </summary>
public sealed class TokenUnavailableException : Exception
{
    public TokenUnavailableException(string message)
        : base(message)
    {
    }

    public TokenUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
