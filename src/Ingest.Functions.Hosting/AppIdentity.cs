using Azure.Identity;
using Ingest.Sources.Identity;
using Microsoft.Extensions.Configuration;

namespace Ingest.Functions.Hosting;

/// <summary>The Function app's identity, for everything it logs in to by itself.</summary>
public static class AppIdentity
{
    /// <summary>
    /// A managed identity in Azure (the app setting <c>AZURE_CLIENT_ID</c> names it where there are several), whoever is logged in on a
    /// developer's machine.
    /// </summary>
    public static EntraCredential Of(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return new EntraCredential(new DefaultAzureCredential(), configuration["AZURE_CLIENT_ID"], TimeProvider.System);
    }
}
