using Ingest.TestSupport;
using Dapper;
using Ingest.TestSupport.Databases;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

public sealed class NativePostgresTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_or_stopped_server_comes_back_on_its_port_with_what_was_committed()
    {
        await using var server = await NativePostgres.StartAsync(cancellationToken: Token);
        var port = server.Port;
        await ExecuteAsync(server, "CREATE TABLE readings (value integer)");

        await ExecuteAsync(server, "INSERT INTO readings VALUES (1)");
        await server.KillAsync();
        await server.StartAgainAsync(Token);
        foreach (var mode in Enum.GetValues<StopMode>())
        {
            await ExecuteAsync(server, "INSERT INTO readings VALUES (1)");
            await server.StopAsync(mode, Token);
            await server.StartAgainAsync(Token);
        }

        await using var connection = new NpgsqlConnection(server.ConnectionString);
        Assert.Equal(port, new NpgsqlConnectionStringBuilder(server.ConnectionString).Port);
        Assert.Equal(4, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM readings"));
    }

    [Fact]
    public async Task Settings_reach_the_server()
    {
        await using var server = await NativePostgres.StartAsync(
            new NativePostgresOptions { Settings = new Dictionary<string, string> { ["max_connections"] = "7", ["fsync"] = "on" } }, Token);

        await using var connection = new NpgsqlConnection(server.ConnectionString);
        Assert.Equal("7 on", await connection.ExecuteScalarAsync<string>("SELECT current_setting('max_connections') || ' ' || current_setting('fsync')"));
    }

    [Fact]
    public async Task Neither_server_nor_data_survives_the_kill_of_the_tests()
    {
        using var owner = await DatabaseOwner.StartAsync(["native"], Token);
        Assert.True(Directory.Exists(owner.DataFolder));

        await owner.KillAsync(Token);

        Assert.True(await DatabaseOwner.EndsAsync(owner.ServerProcessId, TimeSpan.FromSeconds(15)));
        await Eventually.IsTrueAsync(() => !Directory.Exists(owner.DataFolder));
    }

    private static async Task ExecuteAsync(NativePostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(Token);
        await connection.ExecuteAsync(sql);
    }
}
