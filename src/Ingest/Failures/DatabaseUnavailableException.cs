namespace Ingest.Failures;

/// <summary>The database did not take a batch within the time set; whether it was stored is unknown, and trying again is safe.</summary>
public sealed class DatabaseUnavailableException : Exception
{
    internal DatabaseUnavailableException(TimeSpan after, string? lastError)
        : base($"The database did not take the batch within {after.TotalSeconds:0} s. {lastError ?? "It is too slow for the load."}")
    {
    }
}
