using Microsoft.Azure.Cosmos;

namespace Ingest.Lookup;

/// <summary>How the Cosmos DB client behaves for a caller who waits.</summary>
internal static class LookupClientOptions
{
    /// <summary>
    /// Sets gateway mode (HTTPS on 443 alone, so that a network can be closed around it) and few retries: the caller can ask again.
    /// </summary>
    public static void Apply(CosmosClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ApplicationName = "ingest";
        options.ConnectionMode = ConnectionMode.Gateway;
        options.RequestTimeout = TimeSpan.FromSeconds(4);
        options.MaxRetryAttemptsOnRateLimitedRequests = 1;
        options.MaxRetryWaitTimeOnRateLimitedRequests = TimeSpan.FromSeconds(1);
    }
}
