using System.Text.Json;
using Ingest.Events;

namespace Ingest.Functions.Hosting;

/// <summary>Where a batch of the Functions host's Event Hubs trigger comes from.</summary>
/// <param name="Hub">What the event hub is called in dead letters: see <see cref="RawEvent.Hub"/>.</param>
/// <param name="Partition">The partition's id; empty where the host did not say.</param>
public readonly record struct TriggerPartition(string Hub, string Partition)
{
    // The host's own context, and the client library's: they say the same, and older extensions have the second alone.
    private static readonly string[] Keys = ["TriggerPartitionContext", "PartitionContext"];

    /// <summary>
    /// Reads the context that the Functions host sends with a batch, as JSON. What is absent or cannot be read leaves the partition empty and is no error:
    /// the batch can be stored without it.
    /// </summary>
    /// <param name="metadata">The trigger's metadata (<c>BindingContext.BindingData</c>).</param>
    /// <param name="hubName">The event hub's name from the settings, used where the host does not say.</param>
    /// <param name="identity">What the hub is called, whatever the host says: the setting <c>Hub:Identity</c>. Null or empty for <c>host/name</c>.</param>
    public static TriggerPartition From(IReadOnlyDictionary<string, object?> metadata, string hubName, string? identity = null)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        var found = Find(metadata, hubName);
        return string.IsNullOrWhiteSpace(identity) ? found : found with { Hub = identity };
    }

    private static TriggerPartition Find(IReadOnlyDictionary<string, object?> metadata, string hubName)
    {
        foreach (var key in Keys)
        {
            if (metadata.TryGetValue(key, out var value) && Parse(value, hubName) is { } partition)
            {
                return partition;
            }
        }

        return new TriggerPartition(hubName, "");
    }

    private static TriggerPartition? Parse(object? value, string hubName)
    {
        try
        {
            using var json = value switch
            {
                string text => JsonDocument.Parse(text),
                JsonElement element => JsonDocument.Parse(element.GetRawText()),
                _ => null,
            };
            if (json is null || Text(json.RootElement, "PartitionId") is not { Length: > 0 } partition)
            {
                return null;
            }

            var name = Text(json.RootElement, "EventHubName") is { Length: > 0 } found ? found : hubName;
            var host = Text(json.RootElement, "FullyQualifiedNamespace");
            return new TriggerPartition(string.IsNullOrEmpty(host) ? name : $"{host}/{name}", partition);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement context, string property)
    {
        if (context.ValueKind == JsonValueKind.Object)
        {
            foreach (var found in context.EnumerateObject())
            {
                if (found.Name.Equals(property, StringComparison.OrdinalIgnoreCase) && found.Value.ValueKind == JsonValueKind.String)
                {
                    return found.Value.GetString();
                }
            }
        }

        return null;
    }
}
