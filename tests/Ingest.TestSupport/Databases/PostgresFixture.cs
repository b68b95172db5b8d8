namespace Ingest.TestSupport.Databases;

/// <summary>
/// One native PostgreSQL for all tests of an assembly, started when the first asks for it: an assembly fixture. Tests that stop, kill or
/// configure a server start one of their own.
/// </summary>
public sealed class PostgresFixture : IAsyncDisposable
{
    private readonly Lazy<Task<NativePostgres>> _server = new(() => NativePostgres.StartAsync(new NativePostgresOptions
    {
        Settings = new Dictionary<string, string> { ["max_connections"] = "200" },
    }));

    public Task<NativePostgres> ServerAsync() => _server.Value;

    /// <summary>The superuser's connection string to a new, empty database.</summary>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default) =>
        await (await ServerAsync()).CreateDatabaseAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await _server.Value).DisposeAsync();
        }
    }
}
