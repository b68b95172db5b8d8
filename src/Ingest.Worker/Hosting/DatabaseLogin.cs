using Ingest.Settings;
using Ingest.Sources.Identity;
using Ingest.Write;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ingest.Worker.Hosting;

/// <summary>Connects by the password in the connection string, or by a Microsoft Entra token, which takes the password's place.</summary>
public static class DatabaseLogin
{
    public static NpgsqlDataSource Connect(DatabaseSettings settings, ILoggerFactory? loggers) => DatabaseConnections.Create(
        settings,
        settings.EntraAuthentication
            ? DatabaseToken.Of(new EntraCredential(
                HubLogin.Credential, Environment.GetEnvironmentVariable("AZURE_CLIENT_ID"), TimeProvider.System))
            : null,
        loggers);
}
