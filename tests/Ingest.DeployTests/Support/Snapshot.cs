using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>
/// What a template would deploy. Values that only Azure knows are still expressions, such as <c>[reference('…').clientId]</c>.
/// </summary>
internal sealed partial class Snapshot(JsonObject json)
{
    public IReadOnlyList<JsonObject> Resources { get; } = [.. json["predictedResources"]!.AsArray().Select(r => r!.AsObject())];

    public JsonObject Outputs { get; } = json["outputs"]?.AsObject() ?? [];

    public IEnumerable<JsonObject> OfType(string type) =>
        Resources.Where(r => string.Equals((string?)r["type"], type, StringComparison.OrdinalIgnoreCase));

    public JsonObject Only(string type) => Assert.Single(OfType(type));

    /// <summary>The only resource of a type whose name contains a word.</summary>
    public JsonObject Named(string type, string word) =>
        Assert.Single(OfType(type), r => ((string)r["name"]!).Contains(word, StringComparison.Ordinal));

    /// <summary>The subnet's definition in the virtual network.</summary>
    public JsonObject Subnet(string name) =>
        Assert.Single(
            Array(Only("Microsoft.Network/virtualNetworks"), "properties.subnets"),
            s => (string?)s["name"] == name)["properties"]!.AsObject();

    /// <summary>The name of the subnet whose id this is.</summary>
    public static string SubnetOf(JsonNode? value)
    {
        var match = SubnetId().Match((string?)value ?? "");
        Assert.True(match.Success, $"{value} is no subnet's id.");
        return match.Groups["name"].Value;
    }

    /// <summary>The node at a path such as <c>properties.networkAcls.bypass</c>; null where a part of it is missing.</summary>
    public static JsonNode? At(JsonNode? node, string path) => path.Split('.').Aggregate(node, (current, part) => current?[part]);

    public static string? Text(JsonNode? node, string path) => (string?)At(node, path);

    public static bool Flag(JsonNode? node, string path) =>
        At(node, path) is { } value ? value.GetValue<bool>() : throw new KeyNotFoundException($"{path} is not set.");

    public static IReadOnlyList<JsonObject> Array(JsonNode? node, string path) =>
        [.. (At(node, path)?.AsArray() ?? throw new KeyNotFoundException($"{path} is not set.")).Select(n => n!.AsObject())];

    [GeneratedRegex(@"^/subscriptions/.*/virtualNetworks/ingest-network/subnets/(?<name>\w+)$")]
    private static partial Regex SubnetId();
}
