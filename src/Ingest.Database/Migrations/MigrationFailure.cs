using Npgsql;

namespace Ingest.Database.Migrations;

/// <summary>Turns what the server says into what to do about it.</summary>
internal static class MigrationFailure
{
    public static DatabaseSetupException Explain(Exception cause, string connectionString, string? script)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var server = $"{settings.Host}:{settings.Port}";
        var where = script is null ? "" : $" (in {script})";
        return cause switch
        {
            PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } e => new DatabaseSetupException(
                $"{settings.Username} lacks a privilege to migrate {settings.Database} on {server}: {e.MessageText}{where}. "
                + "Migrate as the owner of the tables, or have an administrator run: GRANT CREATE ON SCHEMA public TO "
                + $"\"{settings.Username}\"",
                e),
            PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } e => new DatabaseSetupException(
                $"{server} has no database {settings.Database}: create it first (CREATE DATABASE \"{settings.Database}\").", e),
            PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } e => new DatabaseSetupException(
                $"Another session holds a lock on a table for longer than 20 s{where}. Migrate again when it is through; "
                    + "pg_stat_activity shows it.",
                e),
            PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } e => new DatabaseSetupException(
                $"The rows that are there do not fit the key{where}: {e.MessageText}. {e.Detail} Remove the duplicates, then migrate "
                    + "again.",
                e),
            PostgresException { SqlState: PostgresErrorCodes.InvalidObjectDefinition } e => new DatabaseSetupException(
                $"What is there stands in the way of a partition a day{where}: {e.MessageText}. Detach the partition that is named, or "
                    + "rename conditions and migrate again.",
                e),
            PostgresException { SqlState: PostgresErrorCodes.WrongObjectType or PostgresErrorCodes.UndefinedColumn } e =>
                new DatabaseSetupException(
                    $"Something else bears the name of one of the tables, or a table of that name has other columns{where}: "
                        + $"{e.MessageText}. Rename it, or migrate into a schema of its own (Search Path=… in Database:ConnectionString).",
                    e),
            PostgresException e when e.SqlState.StartsWith("28", StringComparison.Ordinal) => new DatabaseSetupException(
                $"{server} refuses the login of {settings.Username}: {e.MessageText}. Check the user, the password and the server's "
                    + "access rules.",
                e),
            PostgresException e => new DatabaseSetupException(
                $"{server} refuses the migration{where}: {e.SqlState} {e.MessageText}.{(e.Hint is { } hint ? " " + hint : "")}", e),
            NpgsqlException e => new DatabaseSetupException(
                $"{server} cannot be reached: {e.InnerException?.Message ?? e.Message}. Check that PostgreSQL is running there and that "
                    + "this machine may connect.",
                e),
            _ => new DatabaseSetupException($"The migration failed{where}: {cause.Message}", cause),
        };
    }
}
