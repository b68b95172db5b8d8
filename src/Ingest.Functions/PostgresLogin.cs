using Azure.Core;

namespace Ingest.Functions;

internal static class PostgresLogin
{
    /// <summary>What a Microsoft Entra token must be for to take a password's place at Azure Database for PostgreSQL.</summary>
    public static readonly TokenRequestContext Scope = new(["https://ossrdbms-aad.database.windows.net/.default"]);
}
