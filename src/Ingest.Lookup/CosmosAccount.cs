using System.Buffers;
using System.Data.Common;
using Azure.Core;
using Microsoft.Azure.Cosmos;

namespace Ingest.Lookup;

/// <summary>The Cosmos DB account that has the device documents, as the app settings name it.</summary>
/// <param name="ConnectionString">App setting <c>Cosmos</c>: with the account's key. Null or empty for an identity.</param>
/// <param name="Endpoint">App setting <c>Cosmos__accountEndpoint</c>: the account's address, for an identity.</param>
public sealed record CosmosAccount(string? ConnectionString, string? Endpoint)
{
    /// <summary>What a database's or a container's name is.</summary>
    public const string NameRule = @"1 to 255 characters, none of them / \ # ?";

    // They would name another resource in an address.
    private static readonly SearchValues<char> NotInNames = SearchValues.Create(@"/\#?");

    private const string KeyedEndpoint = "AccountEndpoint";
    private const string Key = "AccountKey";

    /// <summary>
    /// What keeps a client from being made of it, and what to do; null where nothing does. It repeats nothing of the connection string,
    /// which holds a key.
    /// </summary>
    public string? Fault()
    {
        if (!HasKey)
        {
            return Address(Endpoint) is { } address && address.Scheme is "https"
                ? null
                : "Cosmos__accountEndpoint is no address of an account: it must look like https://NAME.documents.azure.com:443/.";
        }

        return Read(ConnectionString!) is { } parts
            && Address(parts.GetValueOrDefault(KeyedEndpoint)) is not null
            && IsKey(parts.GetValueOrDefault(Key))
            ? null
            : "Cosmos cannot be read as the connection string of an account: it must look like "
                + "AccountEndpoint=https://NAME.documents.azure.com:443/;AccountKey=…, whose key is base64. Copy it anew, or name "
                + "Cosmos__accountEndpoint in its place, for an identity.";
    }

    /// <summary>Whether a database or a container can have this name.</summary>
    public static bool IsName(string? name) => name is { Length: > 0 and <= 255 } && !name.AsSpan().ContainsAny(NotInNames);

    /// <summary>A client of the account, for callers who wait.</summary>
    /// <param name="identity">Logs in where the connection string is not given.</param>
    public CosmosClient Connect(TokenCredential identity)
    {
        var options = new CosmosClientOptions();
        LookupClientOptions.Apply(options);
        return HasKey ? new CosmosClient(ConnectionString, options) : new CosmosClient(Endpoint, identity, options);
    }

    private bool HasKey => !string.IsNullOrWhiteSpace(ConnectionString);

    private static Dictionary<string, string>? Read(string connectionString)
    {
        try
        {
            var parts = new DbConnectionStringBuilder { ConnectionString = connectionString };
            return parts.Keys.Cast<string>().ToDictionary(
                name => name, name => parts[name].ToString() ?? "", StringComparer.OrdinalIgnoreCase);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static Uri? Address(string? text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && (address.Scheme is "https" or "http") ? address : null;

    private static bool IsKey(string? text) =>
        !string.IsNullOrEmpty(text) && Convert.TryFromBase64String(text, new byte[text.Length], out _);
}
