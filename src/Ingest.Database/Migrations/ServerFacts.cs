using Npgsql;

namespace Ingest.Database.Migrations;

/// <summary>What a migration has to know of the server before it changes anything.</summary>
internal sealed record ServerFacts(
    string PostgresVersion,
    string User,
    string Database,
    string Schema,
    string? TimescaleVersion,
    bool TimescaleAvailable,
    string? TimescaleLicense,
    TableLayout? Conditions,
    bool HasWriterRole,
    bool MayCreateRoles)
{
    public DatabaseEdition Edition => (TimescaleVersion, TimescaleLicense) switch
    {
        (null, _) => DatabaseEdition.PlainPostgres,
        (_, "timescale") => DatabaseEdition.TimescaleFull,
        _ => DatabaseEdition.TimescaleApache,
    };

    /// <exception cref="DatabaseSetupException">
    /// The database's encoding cannot hold every text, or there is no schema to make tables in.
    /// </exception>
    public static async Task<ServerFacts> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        const string Catalog = """
            SELECT current_setting('server_version'), current_user, current_database(), current_schema(),
                   (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
                   EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb'),
                   (SELECT relkind FROM pg_class WHERE oid = to_regclass(quote_ident(current_schema()) || '.conditions')),
                   EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer'),
                   (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user),
                   current_setting('server_encoding'), current_setting('search_path')
            """;

        // Apart and later: the setting and the view exist only once the extension has been loaded, which the statement before sees to.
        const string Timescale = """
            SELECT current_setting('timescaledb.license', true),
                   EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema() AND hypertable_name = 'conditions')
            """;

        string postgresVersion, user, database, encoding, searchPath;
        string? schema, timescaleVersion;
        bool available, hasWriterRole, mayCreateRoles;
        char? kind;
        await using (var command = new NpgsqlCommand(Catalog, connection))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            await reader.ReadAsync(cancellationToken);
            postgresVersion = reader.GetString(0);
            user = reader.GetString(1);
            database = reader.GetString(2);
            schema = reader.IsDBNull(3) ? null : reader.GetString(3);
            timescaleVersion = reader.IsDBNull(4) ? null : reader.GetString(4);
            available = reader.GetBoolean(5);
            kind = reader.IsDBNull(6) ? null : reader.GetChar(6);
            hasWriterRole = reader.GetBoolean(7);
            mayCreateRoles = reader.GetBoolean(8);
            encoding = reader.GetString(9);
            searchPath = reader.GetString(10);
        }

        if (encoding != "UTF8")
        {
            throw new DatabaseSetupException(
                $"The encoding of the database {database} is {encoding}, in which not every text can be stored as it came. "
                + "Create another one (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0), and migrate that.");
        }

        if (schema is null)
        {
            throw new DatabaseSetupException(
                $"The tables have nowhere to go: none of the schemas in the search path ({searchPath}) exists in the database {database}, "
                    + $"or {user} may use none of them. Create one (CREATE SCHEMA …), or name another with Search Path=… in "
                    + "Database:ConnectionString.");
        }

        string? license = null;
        var isHypertable = false;
        if (timescaleVersion is not null)
        {
            await using var command = new NpgsqlCommand(Timescale, connection);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            license = reader.IsDBNull(0) ? null : reader.GetString(0);
            isHypertable = reader.GetBoolean(1);
        }

        TableLayout? conditions = kind switch
        {
            null => null,
            'p' => TableLayout.DayPartitions,
            _ => isHypertable ? TableLayout.Hypertable : TableLayout.Ordinary,
        };
        return new ServerFacts(
            postgresVersion,
            user,
            database,
            schema,
            timescaleVersion,
            available,
            license,
            conditions,
            hasWriterRole,
            mayCreateRoles);
    }
}
