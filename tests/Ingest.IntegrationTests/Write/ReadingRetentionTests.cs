using Ingest.Database.Migrations;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>Retention by the pipeline itself, under a login that may store readings and delete none.</summary>
public sealed class ReadingRetentionTests(PostgresFixture postgres)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_pipeline_drops_what_is_past_the_retention_soon_after_its_start_and_keeps_the_rest()
    {
        var (owner, login) = await MigratedAsync(memberOf: "ingest_writer");
        await using (owner)
        await using (login)
        {
            await ExecuteAsync(
                owner,
                "INSERT INTO conditions (time, device) SELECT now() - make_interval(days => d), 'd' FROM generate_series(0, 20) AS d");
            var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
            await using var pipeline = new IngestPipeline(
                login, new IngestSettings { Telemetry = new TelemetrySettings { RetentionDays = 10 } }, clock: clock);

            while (await CountAsync(owner) > 11)
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                Assert.True(clock.GetUtcNow() < clock.Start + TimeSpan.FromMinutes(30), "Nothing was dropped.");
            }

            Assert.Equal(11, await CountAsync(owner));
        }
    }

    [Fact]
    public async Task A_login_that_may_not_have_them_dropped_is_told_so_at_the_start()
    {
        var (owner, login) = await MigratedAsync(memberOf: null);
        await using (owner)
        await using (login)
        {
            await ExecuteAsync(
                owner,
                "DO $$ BEGIN EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA public TO %I', (SELECT usename FROM pg_user ORDER BY "
                    + "usesysid DESC LIMIT 1)); END $$");
            var table = new TargetTable(null, "conditions", WriteStage.Conditions);

            var without = await SchemaCheck.RunAsync(login, table, new DatabaseSettings(), DatabaseUse.Write, Stop);
            var with = await SchemaCheck.RunAsync(login, table, new DatabaseSettings(), DatabaseUse.WriteAndDrop, Stop);

            Assert.Empty(without.Problems);
            Assert.Contains("drop_expired_conditions", Assert.Single(with.Problems).ToString(), StringComparison.Ordinal);
        }
    }

    private async Task<(NpgsqlDataSource Owner, NpgsqlDataSource Login)> MigratedAsync(string? memberOf)
    {
        var database = await postgres.CreateDatabaseAsync(Stop);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true, PartitionDaysAhead = 1 }, Stop);
        var login = await (await postgres.ServerAsync()).CreateLoginAsync(database, memberOf, Stop);
        return (NpgsqlDataSource.Create(database), NpgsqlDataSource.Create(login));
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Stop);
    }

    private static async Task<long> CountAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("SELECT count(*) FROM conditions");
        return (long)(await command.ExecuteScalarAsync(Stop))!;
    }
}
