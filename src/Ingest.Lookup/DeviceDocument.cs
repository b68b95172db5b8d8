using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ingest.Lookup;

/// <summary>A device's document as Cosmos DB keeps it.</summary>
internal static class DeviceDocument
{
    private const string NameField = "name";

    public static async Task<LookupResult.Found> ReadAsync(Stream content, string deviceId, CancellationToken cancellationToken)
    {
        var document = await JsonSerializer.DeserializeAsync<JsonObject>(content, cancellationToken: cancellationToken)
            ?? throw new JsonException("The document is null.");
        foreach (var (field, _) in document.Where(field => field.Key.StartsWith('_')).ToArray())
        {
            document.Remove(field);
        }

        var name = document[NameField] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > 0 ? text : deviceId;
        return new LookupResult.Found(name, document);
    }
}
