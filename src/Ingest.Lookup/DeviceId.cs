using System.Buffers;

namespace Ingest.Lookup;

/// <summary>What can be the id of a device and of its document, checked before anything is asked with it.</summary>
public static class DeviceId
{
    /// <summary>Most characters of an id, as IoT Hub has it.</summary>
    public const int MaxLength = 128;

    // IoT Hub's characters for a device id, but for '?' and '#', which Cosmos DB refuses in a document's id, and '%': the SDK puts the id
    // into an address as it is, so %2e%2e would read the collection instead of a document.
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:.+_*!(),=@;$'");

    /// <summary>
    /// Whether <paramref name="id"/> has 1 to 128 of the characters that both IoT Hub and Cosmos DB allow. An id of dots alone is refused
    /// too: in the address of a document it would name the folder above it.
    /// </summary>
    public static bool IsValid(string? id) =>
        id is { Length: > 0 and <= MaxLength }
        && !id.AsSpan().ContainsAnyExcept(Allowed)
        && id.AsSpan().ContainsAnyExcept('.');
}
