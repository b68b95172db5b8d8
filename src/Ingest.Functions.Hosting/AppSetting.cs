using Ingest.Lookup;
using Microsoft.Extensions.Configuration;

namespace Ingest.Functions.Hosting;

/// <summary>The settings of a Function app, as its operators see them.</summary>
internal static class AppSetting
{
    /// <summary>The account of the device documents; null where none is configured.</summary>
    public static CosmosAccount? Cosmos(IConfiguration configuration) => IsConnection(configuration, "Cosmos", "accountEndpoint")
        ? new CosmosAccount(
            configuration["Cosmos"] is { Length: > 0 } value ? value : configuration.GetConnectionString("Cosmos"),
            configuration["Cosmos:accountEndpoint"])
        : null;

    /// <summary>
    /// Whether a connection is configured: as a connection string under its name, or by one of these properties for an identity.
    /// </summary>
    public static bool IsConnection(IConfiguration configuration, string name, params ReadOnlySpan<string> identityProperties)
    {
        if (!string.IsNullOrWhiteSpace(configuration[name]) || !string.IsNullOrWhiteSpace(configuration.GetConnectionString(name)))
        {
            return true;
        }

        foreach (var property in identityProperties)
        {
            if (!string.IsNullOrWhiteSpace(configuration[$"{name}:{property}"]))
            {
                return true;
            }
        }

        return false;
    }
}
