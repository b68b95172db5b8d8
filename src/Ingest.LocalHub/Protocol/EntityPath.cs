namespace Ingest.LocalHub.Protocol;

/// <summary>Addresses of entities: <c>hub/ConsumerGroups/group/Partitions/0</c>, with or without a scheme and a host before it.</summary>
internal static class EntityPath
{
    /// <summary>The address without scheme, host and outer slashes.</summary>
    public static string Of(string? address)
    {
        if (address is null)
        {
            return string.Empty;
        }

        var scheme = address.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0)
        {
            var path = address.IndexOf('/', scheme + 3);
            address = path < 0 ? string.Empty : address[path..];
        }

        return address.Trim('/');
    }

    /// <summary>Whether a token for the audience is good for the entity: the audience is it, or lies above it.</summary>
    public static bool Covers(string audience, string entity)
    {
        var path = Of(audience);
        return path.Length == 0
            || entity.Equals(path, StringComparison.OrdinalIgnoreCase)
            || entity.StartsWith(path + "/", StringComparison.OrdinalIgnoreCase);
    }
}
