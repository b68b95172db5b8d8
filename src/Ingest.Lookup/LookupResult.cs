using System.Text.Json.Nodes;

namespace Ingest.Lookup;

/// <summary>What became of a lookup.</summary>
public abstract record LookupResult
{
    private LookupResult()
    {
    }

    /// <summary>The device's document.</summary>
    /// <param name="Name">Its <c>name</c>; the device's id where it has none.</param>
    /// <param name="Fields">Its public fields: all but the ones whose names begin with an underscore, which are Cosmos DB's own.</param>
    public sealed record Found(string Name, JsonObject Fields) : LookupResult;

    /// <summary>There is no such document.</summary>
    public sealed record NotFound : LookupResult;

    /// <summary>The id can be no device's.</summary>
    public sealed record InvalidId : LookupResult;

    /// <summary>Cosmos DB is away, too busy, or refuses this application: asking later can help.</summary>
    /// <param name="Title">What is the matter, in words for a caller: it names no account and no setting.</param>
    /// <param name="RetryAfter">When to ask again.</param>
    public sealed record Unavailable(string Title, TimeSpan RetryAfter) : LookupResult;
}
