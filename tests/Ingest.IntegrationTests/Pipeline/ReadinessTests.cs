using Ingest.Diagnostics;
using Ingest.Functions.Hosting;
using Ingest.IntegrationTests.Write;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Microsoft.Extensions.Options;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

public sealed class ReadinessTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_migrated_database_is_ready()
    {
        await using var database = await TestDatabase.OnAsync(await postgres.CreateDatabaseAsync(Cancel), Cancel);

        var report = await AskAsync(database);

        Assert.Empty(report.Problems);
        Assert.True(report.Ready);
        Assert.Equal("Working", report.State);
        Assert.Null(report.LastError);
    }

    [Fact]
    public async Task A_table_that_no_longer_fits_is_said_with_what_to_do_and_ready_again_once_it_is_put_right()
    {
        await using var database = await TestDatabase.OnAsync(await postgres.CreateDatabaseAsync(Cancel), Cancel);
        await database.ExecuteAsync("ALTER TABLE conditions RENAME TO put_away", Cancel);

        var report = await AskAsync(database);

        Assert.False(report.Ready);
        Assert.Contains(report.Problems, problem => problem.Contains("conditions", StringComparison.Ordinal));

        await database.ExecuteAsync("ALTER TABLE put_away RENAME TO conditions", Cancel);
        Assert.True((await AskAsync(database)).Ready);
    }

    [Fact]
    public async Task A_login_without_privileges_is_not_ready()
    {
        var server = await postgres.ServerAsync();
        await using var database = await TestDatabase.OnAsync(await postgres.CreateDatabaseAsync(Cancel), Cancel);
        var stranger = await server.CreateLoginAsync(database.ConnectionString, cancellationToken: Cancel);
        var writer = await server.CreateLoginAsync(database.ConnectionString, "ingest_writer", Cancel);

        Assert.False((await AskAsync(database, stranger)).Ready);
        Assert.Empty((await AskAsync(database, writer)).Problems);
    }

    private static Task<ReadinessReport> AskAsync(TestDatabase database, string? connectionString = null) => new Readiness(
        database.NewSource(connectionString),
        Options.Create(new TelemetrySettings()),
        Options.Create(new DatabaseSettings { ConnectionString = database.ConnectionString }),
        new PipelineHealth(TimeProvider.System),
        TimeProvider.System).AskAsync(Cancel);
}
