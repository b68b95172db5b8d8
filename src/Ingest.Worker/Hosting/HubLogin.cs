using Azure.Core;
using Azure.Identity;

namespace Ingest.Worker.Hosting;

/// <summary>
/// The identity that reads an event hub where no connection string is given: managed or workload identity, Azure CLI login, …
/// </summary>
public static class HubLogin
{
    public static TokenCredential Credential { get; } = new DefaultAzureCredential();
}
