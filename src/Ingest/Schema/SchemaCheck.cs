using Dapper;
using Ingest.Failures;
using Ingest.Settings;
using Npgsql;

namespace Ingest.Schema;

/// <summary>
/// Checks at start-up that the database can store readings as the pipeline promises, and reports everything that is wrong at once. Works
/// for hypertables, plain and partitioned tables, and needs no more privileges than the pipeline.
/// </summary>
public static class SchemaCheck
{
    private const int OldestServer = 130_000;
    private const string Select = "SELECT";

    private static readonly (string Name, string[] Privileges)[] OwnTables =
    [
        ("checkpoints", [Select, "INSERT", "UPDATE"]),
        ("partition_owners", [Select, "INSERT", "UPDATE"]),
        ("dead_letters", [Select, "INSERT", "DELETE"]),
        ("dead_letter_quotas", [Select, "INSERT", "UPDATE", "DELETE"]),
        ("dead_letter_totals", [Select, "INSERT", "UPDATE", "DELETE"]),

        ("forgotten_devices", [Select]),
        ("forgotten_state", [Select]),

        // Nothing here needs it: if it is missing, so are columns that are as young.
        ("dead_letter_accounts", []),
    ];

    // Before it, a multi-row DO NOTHING can stop at its first conflict in a compressed chunk (timescaledb#7673).
    private static readonly Version OldestTimescaleToCompress = new(2, 18, 1);

    /// <exception cref="NpgsqlException">
    /// The database cannot be reached or refuses the login; <see cref="PostgresFailure.Of"/> says what to do.
    /// </exception>
    public static Task<SchemaReport> RunAsync(
        NpgsqlDataSource dataSource, TargetTable table, DatabaseSettings settings, CancellationToken cancellationToken) =>
        RunAsync(dataSource, table, settings, DatabaseUse.Write, cancellationToken);

    /// <param name="dataSource">The pipeline's own: its login is what is asked about.</param>
    /// <param name="table">What the table has to fit.</param>
    /// <param name="settings">How the database is used.</param>
    /// <param name="use">What the login is to do.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    /// <exception cref="NpgsqlException">
    /// The database cannot be reached or refuses the login; <see cref="PostgresFailure.Of"/> says what to do.
    /// </exception>
    public static async Task<SchemaReport> RunAsync(
        NpgsqlDataSource dataSource, TargetTable table, DatabaseSettings settings, DatabaseUse use, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(settings);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var catalog = new Catalog(connection, cancellationToken);
        var problems = new List<SchemaProblem>();
        var server = await catalog.OneAsync<ServerRow>(CatalogSql.Server) ?? throw new InvalidOperationException(
            "The server said nothing about itself");
        CheckServer(server, settings, use, problems);
        var target = await FindAsync(catalog, table.Quoted, table.Name, await AdviseAsync(catalog, table), problems);
        IReadOnlyList<SchemaProblem> warnings = [];
        var compressed = false;
        var isHypertable = false;
        if (target is not null)
        {
            await CheckTargetAsync(catalog, target, table, server, use, problems);
            warnings = await SchemaWarnings.FindAsync(catalog, target, table.Name, server.User);
            if (server.TimescaleVersion is not null)
            {
                var hypertable = await catalog.ListAsync<bool>(CatalogSql.Hypertable, new { schema = target.Schema, name = target.Name });
                isHypertable = hypertable.Count > 0;
                compressed = hypertable.Contains(true);
            }
        }

        CheckTimescale(server, compressed, problems);
        foreach (var (name, privileges) in OwnTables)
        {
            var needed = use == DatabaseUse.Read && privileges.Length > 0 ? [Select] : privileges;
            await CheckOwnTableAsync(catalog, name, server, needed, problems);
        }

        var mayDrop = new CommandDefinition(CatalogSql.MayDropExpired, cancellationToken: cancellationToken);
        if (use == DatabaseUse.WriteAndDrop && await connection.ExecuteScalarAsync<bool?>(mayDrop) != true)
        {
            problems.Add(new(
                $"{server.User} may not call drop_expired_conditions, which Telemetry:RetentionDays needs, or it does not exist.",
                "Run ingest migrate, and GRANT ingest_writer to the login of Database:ConnectionString."));
        }

        return new SchemaReport(
            problems,
            server.Version,
            server.TimescaleVersion,
            server.TimescaleVersion is null ? null : server.TimescaleLicense,
            isHypertable,
            warnings);
    }

    private static void CheckServer(ServerRow server, DatabaseSettings settings, DatabaseUse use, List<SchemaProblem> problems)
    {
        if (server.VersionNumber < OldestServer)
        {
            problems.Add(new($"The server is PostgreSQL {server.Version}.", "Upgrade it to 13 or later."));
        }

        if (server.Encoding != "UTF8")
        {
            problems.Add(new(
                $"The database's encoding is {server.Encoding}, in which not every text can be stored as it came.",
                "Create another one (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0), and name it in Database:ConnectionString."));
        }

        if (use == DatabaseUse.Read)
        {
            return;
        }

        if (server.InRecovery)
        {
            problems.Add(new("The server is a read-only standby.", "Name the primary in Database:ConnectionString."));
        }
        else if (server.ReadOnly)
        {
            problems.Add(
                new("Transactions are read-only by default (default_transaction_read_only).", "Switch it off for this login or database."));
        }

        if (server.Embedded && settings.Copy)
        {
            problems.Add(new("This is the embedded development server, which never answers a COPY.", "Set Database:Copy to false."));
        }
    }

    private static async Task<TableRow?> FindAsync(Catalog catalog, string quoted, string name, string toDo, List<SchemaProblem> problems)
    {
        try
        {
            if (await catalog.OneAsync<TableRow>(CatalogSql.Table, new { name = quoted }) is { } table)
            {
                return table;
            }

            problems.Add(new($"There is no table {name}.", toDo));
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            problems.Add(
                new(
                    $"The schema of {name} cannot be used ({exception.MessageText}).",
                    "GRANT USAGE ON SCHEMA to the login of Database:ConnectionString."));
        }

        return null;
    }

    private static async Task<string> AdviseAsync(Catalog catalog, TargetTable table)
    {
        var alike = await catalog.ListAsync<string>(CatalogSql.TablesAlike, new { name = table.Name.Split('.')[^1] });
        return alike.Count == 0
            ? "Create it (ingest migrate creates the default one), or correct Telemetry:Table."
            : $"There is {string.Join(" and ", alike)}: names are compared exactly, capitals included, so set Telemetry:Table to that one.";
    }

    private static async Task CheckTargetAsync(
        Catalog catalog,
        TableRow target,
        TargetTable table,
        ServerRow server,
        DatabaseUse use,
        List<SchemaProblem> problems)
    {
        if (target.Kind is not ("r" or "p"))
        {
            problems.Add(new($"{table.Name} is no table.", "Name the table itself in Telemetry:Table, not a view or a foreign table."));
            return;
        }

        if (target.RowSecurity)
        {
            problems.Add(
                new(
                    $"Row security on {table.Name} hides rows from {server.User}.",
                    "ALTER ROLE … BYPASSRLS, or disable it for the table: what is stored must be seen to be compared."));
        }

        if (target.InsertRule)
        {
            problems.Add(new($"{table.Name} has a rule on INSERT.", "Drop it: it would change or swallow readings."));
        }

        foreach (var trigger in await catalog.ListAsync<string>(CatalogSql.BeforeTriggers, new { oid = target.Oid }))
        {
            problems.Add(
                new(
                    $"Trigger {trigger} on {table.Name} runs before each row.",
                    "Drop it or make it AFTER: it could change a reading, which would then be stored again at each replay."));
        }

        var columns = await catalog.ListAsync<ColumnRow>(CatalogSql.Columns, new { oid = target.Oid });
        problems.AddRange(ColumnCheck.Find(columns, table, isPartitioned: target.Kind == "p"));
        var key = table.Key.Names;
        if (!(await catalog.ListAsync<string[]>(CatalogSql.UniqueKeys, new { oid = target.Oid })).Any(
            columns => columns.Order(StringComparer.Ordinal).SequenceEqual(key.Order(StringComparer.Ordinal), StringComparer.Ordinal)))
        {
            problems.Add(new(
                $"{table.Name} has no valid unique index or primary key on exactly ({string.Join(", ", key)}).",
                $"CREATE UNIQUE INDEX ON {table.Quoted} ({table.QuotedKey}); not partial and not deferrable, in any order."));
        }

        string[] privileges = use == DatabaseUse.Read ? [Select] : [Select, "INSERT"];
        await CheckPrivilegesAsync(catalog, target, table.Name, table.Quoted, server, privileges, problems);
    }

    private static void CheckTimescale(ServerRow server, bool compressed, List<SchemaProblem> problems)
    {
        if (compressed && Version.TryParse(server.TimescaleVersion?.Split('-')[0], out var version) && version < OldestTimescaleToCompress)
        {
            problems.Add(new(
                $"TimescaleDB {server.TimescaleVersion} can lose rows of an upsert into a compressed chunk.",
                $"Upgrade the extension to {OldestTimescaleToCompress} or later, or switch compression of the table off."));
        }
    }

    private static async Task CheckOwnTableAsync(
        Catalog catalog,
        string name,
        ServerRow server,
        string[] privileges,
        List<SchemaProblem> problems)
    {
        if (await FindAsync(catalog, name, name, "Run ingest migrate.", problems) is { } table)
        {
            await CheckPrivilegesAsync(catalog, table, name, name, server, privileges, problems);
        }
    }

    private static async Task CheckPrivilegesAsync(
        Catalog catalog, TableRow table, string name, string quoted, ServerRow server, string[] privileges, List<SchemaProblem> problems)
    {
        var missing = await catalog.ListAsync<string>(CatalogSql.MissingPrivileges, new { oid = table.Oid, wanted = privileges });
        if (missing.Count > 0)
        {
            var list = string.Join(", ", missing);
            problems.Add(
                new(
                    $"The login {server.User} may not {list} on {name}.",
                    $"GRANT {list} ON {quoted} TO {server.User}; or make it a member of ingest_writer."));
        }
    }
}
