using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;
using Xunit;

namespace Ingest.IntegrationTests.Faults;

/// <summary>A flush's conversation with the server, cut at one place after another. <c>-- faults --only bytes</c> of the benchmarks cuts it at every byte.</summary>
public sealed class WireCutTests(PostgresFixture postgres)
{
    private const int Stride = 37;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cut_at_every_message_of_a_flush_that_goes_by_COPY_nothing_is_lost_or_stored_twice()
    {
        var report = await new WireCuts(await LoginAsync(), rowsInFlush: 300, lanes: 8).RunAsync(CutPlaces.EveryMessage, stride: 1, seed: 0, Stop);

        Assert.True(report is { InCommit: > 0, BeforeAnswer: > 0, InAnswer: > 0 } && report.Cuts > report.MessagesToServer + report.MessagesToClient, report.ToString());
    }

    [Fact]
    public async Task Cut_at_every_message_and_at_some_bytes_within_them_nothing_is_lost_or_stored_twice()
    {
        var report = await new WireCuts(await LoginAsync(), rowsInFlush: 10, lanes: 8).RunAsync(CutPlaces.EveryByte, Stride, seed: 5, Stop);

        Assert.True(report.Cuts >= report.MessagesToServer + report.MessagesToClient + ((report.BytesToServer + report.BytesToClient) / Stride / 2), report.ToString());
    }

    private async Task<string> LoginAsync()
    {
        var server = await postgres.ServerAsync();
        var owner = await postgres.CreateDatabaseAsync(Stop);
        await DatabaseMigrator.MigrateAsync(owner, new MigrationSettings { PlainPostgres = true }, Stop);
        return await server.CreateLoginAsync(owner, memberOf: "ingest_writer", Stop);
    }
}
