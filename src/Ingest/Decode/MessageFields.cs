using Ingest.Decode.Places;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>What a message has beside its body.</summary>
internal static class MessageFields
{
    /// <summary>The value of a place beside the body; null where there is none.</summary>
    public static object? Find(RawEvent message, Place place) => place.Kind switch
    {
        PlaceKind.Property => TryFindProperty(message.Properties, place.Name, out var value) ? value : null,
        PlaceKind.Annotation => message.Annotations.GetValueOrDefault(place.Name),
        PlaceKind.Module => message.ModuleId,
        _ => null,
    };

    /// <summary>
    /// Finds an application property by its name, which matches in any case, as protocols and gateways on the way change it: as it is
    /// written, or else the first by code point of those in another case.
    /// </summary>
    public static bool TryFindProperty(IReadOnlyDictionary<string, object?> properties, string name, out object? value)
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
