using Ingest.Database.Migrations;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Ingest.Write;
using Npgsql;

namespace Ingest.IntegrationTests.Write;

/// <summary>Which server a test runs on.</summary>
public enum Server
{
    /// <summary>PostgreSQL without TimescaleDB: COPY, several connections.</summary>
    Native,

    /// <summary>TimescaleDB; where it is the embedded one, one connection and no COPY.</summary>
    Timescale,
}

/// <summary>A migrated database of a test, on either server.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private readonly List<NpgsqlDataSource> _sources = [];
    private readonly IAsyncDisposable? _owner;

    private TestDatabase(string connectionString, bool copy, IAsyncDisposable? owner)
    {
        ConnectionString = connectionString;
        Copy = copy;
        _owner = owner;
        Source = NewSource();
    }

    public string ConnectionString { get; }

    /// <summary>Whether COPY may be sent.</summary>
    public bool Copy { get; }

    public NpgsqlDataSource Source { get; }

    public static async Task<TestDatabase> CreateAsync(Server server, PostgresFixture postgres, TimescaleFixture timescale, CancellationToken cancellationToken)
    {
        if (server == Server.Timescale)
        {
            var database = await timescale.CreateAsync(cancellationToken);
            return new TestDatabase(database.ConnectionString, !database.IsEmbedded, database);
        }

        return await OnAsync(await postgres.CreateDatabaseAsync(cancellationToken), cancellationToken);
    }

    public static async Task<TestDatabase> OnAsync(string connectionString, CancellationToken cancellationToken)
    {
        await DatabaseMigrator.MigrateAsync(connectionString, new MigrationSettings { PlainPostgres = true }, cancellationToken);
        return new TestDatabase(connectionString, copy: true, owner: null);
    }

    public NpgsqlDataSource NewSource(string? connectionString = null, int commandTimeoutSeconds = 30)
    {
        var source = DatabaseConnections.Create(new DatabaseSettings
        {
            ConnectionString = connectionString ?? ConnectionString,
            CommandTimeoutSeconds = commandTimeoutSeconds,
            ConnectTimeoutSeconds = 5,
        });
        _sources.Add(source);
        return source;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public Task<long> RowsAsync(string table, CancellationToken cancellationToken) => ScalarAsync<long>($"SELECT count(*) FROM {table}", cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var source in _sources)
        {
            await source.DisposeAsync();
        }

        if (_owner is not null)
        {
            await _owner.DisposeAsync();
        }
    }
}
