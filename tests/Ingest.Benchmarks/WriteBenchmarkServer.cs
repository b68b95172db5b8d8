using System.Globalization;
using Ingest.Database.Migrations;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Npgsql;

namespace Ingest.Benchmarks;

/// <summary>
/// The server that is measured: one started here with PostgreSQL's own defaults for durability, or one that the caller names, where a
/// database is made for the run and dropped after it.
/// </summary>
internal sealed class WriteBenchmarkServer : IAsyncDisposable
{
    private const long TicksPerSecond = 100;

    private readonly NativePostgres? _native;
    private readonly string? _admin;

    private WriteBenchmarkServer(NativePostgres? native, string? admin, string connectionString)
    {
        _native = native;
        _admin = admin;
        ConnectionString = connectionString;
    }

    public string ConnectionString { get; }

    /// <summary>Version, settings and kind of table, for the report.</summary>
    public string Description { get; private set; } = "";

    public static async Task<WriteBenchmarkServer> StartAsync(string? database, CancellationToken cancellationToken)
    {
        WriteBenchmarkServer server;
        if (database is null)
        {
            // The tests' servers go without fsync; what is promised as durable is measured as durable.
            var native = await NativePostgres.StartAsync(
                new NativePostgresOptions
                {
                    Settings =
                        new Dictionary<string, string> { ["fsync"] = "on", ["full_page_writes"] = "on", ["synchronous_commit"] = "on" },
                },
                cancellationToken);
            server = new WriteBenchmarkServer(native, null, await native.CreateDatabaseAsync(cancellationToken));
        }
        else
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"ingest_benchmark_{Environment.ProcessId}");
            await ExecuteOnAsync(database, $"CREATE DATABASE {name}", cancellationToken);
            server = new WriteBenchmarkServer(
                null, database, new NpgsqlConnectionStringBuilder(database) { Database = name }.ConnectionString);
        }

        try
        {
            await server.PrepareAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken) => ExecuteOnAsync(ConnectionString, sql, cancellationToken);

    public Task<decimal> WalPositionAsync(CancellationToken cancellationToken) =>
        ScalarAsync<decimal>("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')", cancellationToken);

    /// <summary>CPU seconds of all processes of the server so far, ended ones too; null where it runs elsewhere.</summary>
    public double? CpuSeconds()
    {
        if (_native is null || !OperatingSystem.IsLinux())
        {
            return null;
        }

        long ticks = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Stat(id) is { } stat)
            {
                if (id == _native.ProcessId)
                {
                    ticks += stat.Own + stat.Ended;
                }
                else if (stat.Parent == _native.ProcessId)
                {
                    ticks += stat.Own;
                }
            }
        }

        return (double)ticks / TicksPerSecond;
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_native is not null)
        {
            await _native.DisposeAsync();
        }
        else
        {
            await ExecuteOnAsync(
                _admin!,
                $"DROP DATABASE {new NpgsqlConnectionStringBuilder(ConnectionString).Database} WITH (FORCE)",
                CancellationToken.None);
        }
    }

    private static async Task ExecuteOnAsync(string connectionString, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static (int Parent, long Own, long Ended)? Stat(int id)
    {
        try
        {
            // The second field, the name, may hold spaces: count from its closing bracket.
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (int.Parse(fields[1], CultureInfo.InvariantCulture), Ticks(11) + Ticks(12), Ticks(13) + Ticks(14));

            long Ticks(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            // It has ended meanwhile; its parent has its time.
            return null;
        }
    }

    /// <summary>The mapping of the narrow table.</summary>
    public static TelemetrySettings Narrow() => new()
    {
        Table = "points",
        Shape = TableShape.Narrow,
        Columns = { new ColumnSettings { Name = "temperature" }, new ColumnSettings { Name = "humidity" } },
    };

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var timescale = await ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')", cancellationToken);
        await DatabaseMigrator.MigrateAsync(ConnectionString, new MigrationSettings { PlainPostgres = !timescale }, cancellationToken);
        await ExecuteAsync(
            """
            CREATE TABLE points (time timestamptz NOT NULL, device text NOT NULL, metric text NOT NULL, value double precision NOT NULL);
            CREATE UNIQUE INDEX ON points (time, device, metric);
            """,
            cancellationToken);
        var settings = await ScalarAsync<string>(
            "SELECT string_agg(name || '=' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', "
                + "'synchronous_commit')",
            cancellationToken);
        var version = await ScalarAsync<string>("SELECT current_setting('server_version')", cancellationToken);
        Description = $"PostgreSQL {version}, {settings}, {(timescale ? "hypertable" : "a partition a day")}";
    }
}
