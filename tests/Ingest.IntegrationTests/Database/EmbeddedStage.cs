using Dapper;
using Ingest.Database.Embedded;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

/// <summary>An embedded database for these tests alone: what they do must not reach the others'.</summary>
public sealed class EmbeddedStage : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ingest-attacked-").FullName;
    private EmbeddedDatabase? _database;

    public int Port => new NpgsqlConnectionStringBuilder(_database!.ConnectionString).Port;

    public async Task<string> ConnectionStringAsync() => (_database ??= await EmbeddedDatabase.StartAsync(
        new EmbeddedDatabaseSettings { DataFolder = _folder, PackagesFolder = TestPackages.StateFolder },
        progress: null,
        CancellationToken.None)).ConnectionString;

    public async Task RestartAsync()
    {
        await _database!.DisposeAsync();
        _database = null;
    }

    public async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(await ConnectionStringAsync()) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public Task<PostgresWire> ConnectAsync() => PostgresWire.ConnectAsync(Port, CancellationToken.None);

    public async Task<PostgresWire> LogInAsync()
    {
        var settings = new NpgsqlConnectionStringBuilder(await ConnectionStringAsync());
        return await PostgresWire.LogInAsync(settings.Port, settings.Username!, settings.Password!, CancellationToken.None);
    }

    /// <summary>The same process still answers.</summary>
    public async Task AssertServesAsync()
    {
        await using var connection = await OpenAsync();
        Assert.Equal(1, await connection.ExecuteScalarAsync<int>("SELECT 1"));
        Assert.False(_database!.DiedByItself.IsCompleted);
    }

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }
}
