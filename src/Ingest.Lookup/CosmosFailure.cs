using System.Net;

namespace Ingest.Lookup;

/// <summary>What an answer of Cosmos DB other than success means for a point read.</summary>
internal enum CosmosFailureKind
{
    /// <summary>There is no such document.</summary>
    NotFound,

    /// <summary>More request units were asked for than are provisioned.</summary>
    Throttled,

    /// <summary>It is away for now.</summary>
    Away,

    /// <summary>It answers, and somebody has to put something right.</summary>
    Refused,
}

/// <summary>Sorts answers of Cosmos DB by status and sub-status.</summary>
/// <param name="Kind">What the answer means.</param>
/// <param name="Advice">For an operator: what to do. Empty where nothing is to be done.</param>
internal sealed record CosmosFailure(CosmosFailureKind Kind, string Advice)
{
    // https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-not-found
    private const int OwnerNotFound = 1003;
    private const int ReadSessionNotAvailable = 1002;

    public static CosmosFailure Of(HttpStatusCode status, int subStatus) => (status, subStatus) switch
    {
        (HttpStatusCode.NotFound, OwnerNotFound) => new(
            CosmosFailureKind.Refused,
            "The database or the container does not exist: compare the app settings CosmosDatabase and CosmosContainer with the account."),
        (HttpStatusCode.NotFound, ReadSessionNotAvailable) => new(CosmosFailureKind.Away, ""),
        (HttpStatusCode.NotFound, _) => new(CosmosFailureKind.NotFound, ""),
        (HttpStatusCode.TooManyRequests, _) => new(
            CosmosFailureKind.Throttled,
            "Raise the container's throughput, or call less often."),
        (HttpStatusCode.Forbidden, _) => new(
            CosmosFailureKind.Refused,
            "The account does not let this application in: the subnet it calls from needs the service endpoint Microsoft.AzureCosmosDB "
                + "and a virtual network rule on the account, and its identity needs the data-plane role Cosmos DB Built-in Data Reader."),
        (HttpStatusCode.Unauthorized, _) => new(
            CosmosFailureKind.Refused,
            "The account does not take this application's credentials: check the app setting Cosmos (a connection string) or "
                + "Cosmos__accountEndpoint, and the identity that AZURE_CLIENT_ID names."),
        (HttpStatusCode.BadRequest, _) => new(
            CosmosFailureKind.Refused,
            "The account does not understand the point read: the container's partition key must be /id."),
        _ => new(CosmosFailureKind.Away, ""),
    };
}
