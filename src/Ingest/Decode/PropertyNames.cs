namespace Ingest.Decode;

/// <summary>
/// The names of application properties, which match in any case: protocols and gateways on the way change it.
/// </summary>
internal static class PropertyNames
{
    /// <summary>Finds a property by its name: as it is written, or else the first by code point of those in another case.</summary>
    public static bool TryFind(IReadOnlyDictionary<string, object?> properties, string name, out object? value)
    {
        if (properties.TryGetValue(name, out value))
        {
            return true;
        }

        string? found = null;
        foreach (var other in properties.Keys)
        {
            if (other.Equals(name, StringComparison.OrdinalIgnoreCase) && (found is null || string.CompareOrdinal(other, found) < 0))
            {
                found = other;
            }
        }

        value = found is null ? null : properties[found];
        return found is not null;
    }
}
