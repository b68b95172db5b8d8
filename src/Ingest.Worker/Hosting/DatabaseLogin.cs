using Azure.Core;
using Azure.Identity;
using Ingest.Settings;
using Ingest.Write;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ingest.Worker.Hosting;

/// <summary>Connects by the password in the connection string, or by a Microsoft Entra token, which takes the password's place.</summary>
public static class DatabaseLogin
{
    // https://learn.microsoft.com/azure/postgresql/flexible-server/security-entra-configure
    private static readonly TokenRequestContext Scope = new(["https://ossrdbms-aad.database.windows.net/.default"]);

    public static NpgsqlDataSource Connect(DatabaseSettings settings, ILoggerFactory? loggers)
    {
        if (!settings.EntraAuthentication)
        {
            return DatabaseConnections.Create(settings, password: null, loggers);
        }

        var credential = new DefaultAzureCredential();
        return DatabaseConnections.Create(
            settings,
            async cancellationToken => (await credential.GetTokenAsync(Scope, cancellationToken)).Token,
            loggers);
    }
}
