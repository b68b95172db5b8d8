using System.Globalization;
using System.Text.Json;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>Two messages of a device and stamp whose readings are equal in all that is mapped.</summary>
internal sealed record IndistinctPair(RawEvent First, RawEvent Second, string Device)
{
    /// <summary>Which they are, and what would tell their rows apart, in words.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"sequence numbers {Number(First)} and {Number(Second)} of device {Device} with the stamp {Second.RowTime:O} have equal "
            + $"values in every mapped column. They differ in {Difference(First, Second)}. Map it to a column of its own "
            + $"(Telemetry:Columns, and the table), or such readings count as duplicates.");

    private static string Number(RawEvent message) => string.Create(
        CultureInfo.InvariantCulture,
            $"{message.SequenceNumber?.ToString(CultureInfo.InvariantCulture) ?? "unknown"} (partition {message.Partition})");

    /// <summary>An application property that one has and the other has not, or not so; null where there is none.</summary>
    public static string? DifferingProperty(RawEvent first, RawEvent second) =>
        first.Properties.Concat(second.Properties)
            .FirstOrDefault(property => !first.Properties.TryGetValue(property.Key, out var one)
                || !second.Properties.TryGetValue(property.Key, out var other)
                || !Equals(one, other))
            .Key;

    private static string Difference(RawEvent first, RawEvent second) =>
        first.ModuleId != second.ModuleId ? "the module that sent them (From: module)"
        : DifferingProperty(first, second) is { } property ? $"the application property {property} (From: property:{property})"
        : DifferingField(first, second) is { } field ? $"the field {field}"
        : "their bodies";

    private static string? DifferingField(RawEvent first, RawEvent second)
    {
        try
        {
            using var one = JsonDocument.Parse(first.Body);
            using var other = JsonDocument.Parse(second.Body);
            return one.RootElement.ValueKind == JsonValueKind.Object && other.RootElement.ValueKind == JsonValueKind.Object
                ? Missing(one.RootElement, other.RootElement) ?? Missing(other.RootElement, one.RootElement)
                : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Compressed, several values, or half a surrogate pair in a name: the sentence names the bodies.
            return null;
        }
    }

    // A field of one that the other has not, or not so.
    private static string? Missing(JsonElement one, JsonElement other)
    {
        foreach (var field in one.EnumerateObject())
        {
            if (!other.TryGetProperty(field.Name, out var value) || !JsonElement.DeepEquals(field.Value, value))
            {
                return field.Name;
            }
        }

        return null;
    }
}
