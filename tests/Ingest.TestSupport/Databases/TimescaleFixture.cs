using System.Globalization;
using Ingest.Database.Embedded;
using Ingest.Database.Migrations;
using Ingest.Database.Node;
using Ingest.Settings;
using Npgsql;
using Testcontainers.PostgreSql;

namespace Ingest.TestSupport.Databases;

/// <summary>
/// A real TimescaleDB for all tests of an assembly, started when the first asks for it: an assembly fixture. It is the server that
/// <c>INGEST_TEST_TIMESCALE</c> names (a connection string of a user who may create databases), or a container where a Docker engine
/// answers, or the embedded one.
/// </summary>
public sealed class TimescaleFixture : IAsyncDisposable
{
    private const string Image = "timescale/timescaledb:2.23.0-pg17";
    private const string Variable = "INGEST_TEST_TIMESCALE";

    private static int _numbers;

    private readonly Lazy<Task<Server>> _server = new(StartAsync);

    // The embedded database takes one client at a time: whoever has its database has all of it.
    private readonly SemaphoreSlim _embeddedTurn = new(1);

    /// <summary>
    /// An empty database, migrated unless <paramref name="migration"/> is null, for this test alone until it is disposed. At most one at a
    /// time in a test: where the server is the embedded one, the next waits for it. Its connection string allows one connection there.
    /// </summary>
    public async Task<TimescaleDatabase> CreateAsync(MigrationSettings? migration, CancellationToken cancellationToken = default)
    {
        var server = await _server.Value;
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Environment.ProcessId}_{Interlocked.Increment(ref _numbers)}");
        var connection = new NpgsqlConnectionStringBuilder(server.ConnectionString);
        if (server.IsEmbedded)
        {
            await _embeddedTurn.WaitAsync(cancellationToken);
            connection.SearchPath = name + ",public";
        }
        else
        {
            connection.Database = name;
        }

        var database = new TimescaleDatabase(
            connection.ConnectionString,
            server.IsEmbedded,
            async () =>
            {
                await using (var data = new NpgsqlConnection(connection.ConnectionString))
                {
                    NpgsqlConnection.ClearPool(data);
                }

                await server.ExecuteAsync(server.IsEmbedded ? $"DROP SCHEMA {name} CASCADE" : $"DROP DATABASE {name} WITH (FORCE)");
                if (server.IsEmbedded)
                {
                    _embeddedTurn.Release();
                }
            });
        await server.ExecuteAsync(server.IsEmbedded ? $"CREATE SCHEMA {name}" : $"CREATE DATABASE {name}");
        try
        {
            if (migration is not null)
            {
                await DatabaseMigrator.MigrateAsync(database.ConnectionString, migration, cancellationToken);
            }

            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>An empty, migrated database.</summary>
    public Task<TimescaleDatabase> CreateAsync(CancellationToken cancellationToken = default) =>
        CreateAsync(new MigrationSettings(), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await _server.Value).DisposeAsync();
        }

        _embeddedTurn.Dispose();
    }

    private static async Task<Server> StartAsync()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            return new Server(PostgresConnectionString.Read(named).ConnectionString, IsEmbedded: false, () => ValueTask.CompletedTask);
        }

        if (await DockerAnswersAsync())
        {
            var container = new PostgreSqlBuilder(Image).Build();
            await container.StartAsync();
            return new Server(container.GetConnectionString(), IsEmbedded: false, container.DisposeAsync);
        }

        var options = new EmbeddedDatabaseSettings
        {
            DataFolder = Directory.CreateTempSubdirectory("ingest-timescale-").FullName,
            Temporary = true,
            PackagesFolder = TestPackages.StateFolder,
            Packages = NodePackageSet.Everything,
        };
        var embedded = await EmbeddedDatabase.StartAsync(options, progress: null, CancellationToken.None);
        return new Server(embedded.ConnectionString, IsEmbedded: true, embedded.DisposeAsync);
    }

    private static async Task<bool> DockerAnswersAsync()
    {
        try
        {
            var info = await NodeCommand.RunAsync(
                NodeCommand.StartInfo("docker", ["version", "--format", "{{.Server.Version}}"]), CancellationToken.None);
            return info.ExitCode == 0;
        }
        catch (Database.DatabaseSetupException)
        {
            return false;
        }
    }

    private sealed record Server(string ConnectionString, bool IsEmbedded, Func<ValueTask> DisposeAsync)
    {
        public async Task ExecuteAsync(string sql)
        {
            // Not pooled: the embedded database has no place for an idle connection beside the test's.
            await using var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
