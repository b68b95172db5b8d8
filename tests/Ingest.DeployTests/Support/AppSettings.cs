namespace Ingest.DeployTests.Support;

/// <summary>Names and values of the Function app's settings.</summary>
internal static class AppSettings
{
    /// <summary>What the program reads. The platform and the Functions host read the others.</summary>
    public static readonly string[] Program =
    [
        "AZURE_CLIENT_ID",
        "Commit__GiveUpAfterSeconds",
        "CosmosContainer",
        "CosmosDatabase",
        "Cosmos__accountEndpoint",
        "Database__ConnectionString",
        "Database__EntraAuthentication",
        "EventHub",
        "HubConsumerGroup",
        "HubName",
    ];

    public static readonly string[] Platform =
    [
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "AzureWebJobsStorage__accountName",
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsStorage__credential",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_RUNTIME",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
    ];

    public static Dictionary<string, string> Of(Snapshot snapshot) =>
        snapshot.Only("Microsoft.Web/sites/config")["properties"]!.AsObject()
            .ToDictionary(setting => setting.Key, setting => (string)setting.Value!);
}
