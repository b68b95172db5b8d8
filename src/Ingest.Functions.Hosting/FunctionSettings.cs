using Ingest.Lookup;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Ingest.Functions.Hosting;

/// <summary>
/// What the Function app's trigger and lookup need. The host resolves the trigger's by itself and too late, the lookup's are needed by its
/// first caller: so all are checked when the app starts.
/// </summary>
public sealed class FunctionSettings
{
    /// <summary>The event hub: for IoT Hub, the Event Hub-compatible name of its built-in endpoint. App setting <c>HubName</c>.</summary>
    public string? HubName { get; set; }

    /// <summary>
    /// What dead letters call the hub. App setting <c>Hub__Identity</c>, the worker's setting of that name: where both have stored from one
    /// hub, or the hub has failed over to another host, one name finds all of its dead letters. Default: <c>host/name</c>.
    /// </summary>
    public string? HubIdentity { get; set; }

    /// <summary>The consumer group, which nothing else may read. App setting <c>HubConsumerGroup</c>.</summary>
    public string? HubConsumerGroup { get; set; }

    /// <summary>
    /// The account of the device documents. App setting <c>Cosmos</c>, a connection string, or <c>Cosmos__accountEndpoint</c> for the app's
    /// identity.
    /// </summary>
    public CosmosAccount? Cosmos { get; set; }

    /// <summary>The database of the device documents. App setting <c>CosmosDatabase</c>.</summary>
    public string? CosmosDatabase { get; set; }

    /// <summary>Their container, partitioned by <c>/id</c>. App setting <c>CosmosContainer</c>.</summary>
    public string? CosmosContainer { get; set; }
}

internal sealed class FunctionSettingsValidation(IConfiguration configuration) : IValidateOptions<FunctionSettings>
{
    public ValidateOptionsResult Validate(string? name, FunctionSettings options)
    {
        // The worker's section: the app reads a name of it, and the other settings may be there for the worker's sake.
        List<string> problems = [.. new SettingsBinder(configuration, HubSettings.Section, separator: "__").Bind(new HubSettings())];
        Require(
            options.HubName,
            nameof(options.HubName),
            "the event hub's name; for IoT Hub, the Event Hub-compatible name of its built-in endpoint");
        Require(options.HubConsumerGroup, nameof(options.HubConsumerGroup), "a consumer group that nothing else reads");
        RequireResource(options.CosmosDatabase, nameof(options.CosmosDatabase), "the Cosmos DB database of the device documents");
        RequireResource(options.CosmosContainer, nameof(options.CosmosContainer), "the Cosmos DB container of the device documents");
        Connect(
            "EventHub",
            "the connection string of the event hub, or EventHub__fullyQualifiedNamespace for an identity",
            "fullyQualifiedNamespace");
        Connect("Cosmos", "the connection string of the Cosmos DB account, or Cosmos__accountEndpoint for an identity", "accountEndpoint");
        if (options.Cosmos?.Fault() is { } fault)
        {
            problems.Add(fault);
        }

        Connect(
            "AzureWebJobsStorage",
            "the connection string of the storage account for leases and checkpoints, or AzureWebJobsStorage__accountName for an identity",
            "accountName",
            "blobServiceUri");
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);

        void Require(string? value, string setting, string meaning)
        {
            if (string.IsNullOrWhiteSpace(value))
            {
                problems.Add(Missing(setting, meaning));
            }
        }

        void RequireResource(string? value, string setting, string meaning)
        {
            Require(value, setting, meaning);
            if (!string.IsNullOrWhiteSpace(value) && !CosmosAccount.IsName(value))
            {
                problems.Add($"{setting} is no name that Cosmos DB knows: {meaning} has {CosmosAccount.NameRule}.");
            }
        }

        void Connect(string setting, string meaning, params ReadOnlySpan<string> identityProperties)
        {
            if (!AppSetting.IsConnection(configuration, setting, identityProperties))
            {
                problems.Add(Missing(setting, meaning));
            }
        }
    }

    private static string Missing(string setting, string meaning) => $"{setting} is missing: {meaning}.";
}
