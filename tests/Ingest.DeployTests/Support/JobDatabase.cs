using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>
/// A real PostgreSQL with Azure's roles imitated: administrators who make roles and are no superusers, a database that belongs to their
/// group, and stubs for TimescaleDB and for the function that makes the role of an Entra principal.
/// </summary>
internal sealed class JobDatabase : IAsyncDisposable
{
    public const string Jobs = "ingest-jobs-1";
    public const string App = "ingest-app-1";
    public const string Console = "ingest-console-1";

    private const string Password = "for-tests";

    private readonly string extensions;
    private readonly NativePostgres server;

    private JobDatabase(string extensions, NativePostgres server)
    {
        this.extensions = extensions;
        this.server = server;
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<JobDatabase> StartAsync()
    {
        var extensions = WriteTimescaleStub();
        var server = await NativePostgres.StartAsync(
            new NativePostgresOptions
            {
                Settings = new Dictionary<string, string> { ["extension_control_path"] = $"{extensions}:$system" },
            },
            Token);
        var database = new JobDatabase(extensions, server);
        await database.AsSuperuserAsync("postgres", "CREATE ROLE azure_pg_admin NOLOGIN");
        await database.AsSuperuserAsync("postgres", "CREATE DATABASE ingest OWNER azure_pg_admin");
        await database.AsSuperuserAsync(
            "postgres",
            $"""
             CREATE FUNCTION pgaadauth_create_principal_with_oid(name text, object text, kind text, admin boolean, mfa boolean) RETURNS text
             LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN PASSWORD ''{Password}''', name); RETURN name; END $$
             """);
        await database.MakeAdministratorAsync();
        return database;
    }

    /// <summary>What Azure does when the jobs' identity becomes an administrator.</summary>
    public Task MakeAdministratorAsync() =>
        AsSuperuserAsync("postgres", $"CREATE ROLE \"{Jobs}\" LOGIN CREATEROLE CREATEDB PASSWORD '{Password}' IN ROLE azure_pg_admin");

    /// <summary>What Azure does when it no longer is one.</summary>
    public Task DropAdministratorAsync() => AsSuperuserAsync("postgres", $"DROP ROLE \"{Jobs}\"");

    /// <summary>Gives a script a psql that reaches this server, whatever the script says about TLS.</summary>
    public ScriptRun For(ScriptRun run)
    {
        var psql = DeployFolder.Need("psql", "Install it: apt-get install postgresql-client, or brew install libpq");
        return run.Program("psql", $"""
            #!/bin/sh
            PATH='{Environment.GetEnvironmentVariable("PATH")}' PGSSLMODE=disable PGSSLROOTCERT= PGPASSWORD='{Password}' PGPORT={server.Port} exec '{psql}' "$@"
            """).With("PACKAGES", "psql").With("PGHOST", "127.0.0.1").With("PGDATABASE", "ingest").With("PGUSER", Jobs);
    }

    public async Task AsSuperuserAsync(string database, string sql) => await ScalarAsync(SettingsOf(database), sql);

    /// <summary>What a statement returns, run as a login in the database of the installation.</summary>
    public async Task<object?> AsAsync(string role, string sql)
    {
        var settings = SettingsOf("ingest");
        settings.Username = role;
        settings.Password = Password;
        return await ScalarAsync(settings, sql);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        Directory.Delete(extensions, recursive: true);
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnectionStringBuilder settings, string sql)
    {
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token);
    }

    private static string WriteTimescaleStub()
    {
        var folder = Directory.CreateTempSubdirectory("ingest-extensions-").FullName;
        var extension = Directory.CreateDirectory(Path.Combine(folder, "extension")).FullName;
        File.WriteAllText(Path.Combine(extension, "timescaledb.control"), "default_version = '1'\ntrusted = true\nrelocatable = false\n");
        File.WriteAllText(Path.Combine(extension, "timescaledb--1.sql"), """
            CREATE FUNCTION create_hypertable(relation regclass, time_column name, chunk_time_interval interval, create_default_indexes boolean, if_not_exists boolean)
            RETURNS boolean LANGUAGE sql AS 'SELECT true';
            """);
        if (!OperatingSystem.IsWindows())
        {
            // The server is another user.
            const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            File.SetUnixFileMode(folder, Readable);
            File.SetUnixFileMode(extension, Readable);
        }

        return folder;
    }

    private NpgsqlConnectionStringBuilder SettingsOf(string database) =>
        new(server.ConnectionString) { Database = database, Pooling = false };
}
