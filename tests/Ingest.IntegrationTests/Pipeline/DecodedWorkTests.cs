using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Fuzzing;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>
/// A process with little memory and messages of some sixty bytes that hold ten thousand readings each. <c>-- bombs</c> of the benchmarks
/// runs long.
/// </summary>
public sealed class DecodedWorkTests(PostgresFixture postgres)
{
    private const int Messages = 800;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("invalid", 0)]
    [InlineData("equal", 1_000)]
    [InlineData("different", 1_000)]
    public async Task Small_messages_that_hold_much_are_all_accounted_for_in_little_memory(string kind, int storedOfEach)
    {
        var database = await postgres.CreateDatabaseAsync(Stop);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, Stop);
        var messages = storedOfEach > 0 ? Messages / 50 : Messages;

        var result = await BombProcess.RunAsync(kind, messages, database, Stop);

        Assert.InRange(result.PeakResidentBytes, 1, BombProcess.MostResidentBytes);
        Assert.Equal(result.Counts, result.Stored);
        Assert.True(result.Counts.Balance, result.Counts.ToString());
        Assert.Equal(
            (result.Messages * DecodedWorkBombs.Readings, result.Messages * storedOfEach),
            (result.Counts.Received, result.Counts.Stored));
        await using var source = NpgsqlDataSource.Create(database);
        await using var rows = source.CreateCommand(
            "SELECT (SELECT count(*) FROM conditions), (SELECT count(*) FROM dead_letters), (SELECT sum(kept) FROM "
                + "dead_letter_totals)::bigint, (SELECT sum(not_kept) FROM dead_letter_totals)::bigint");
        await using var reader = await rows.ExecuteReaderAsync(Stop);
        await reader.ReadAsync(Stop);
        Assert.Equal(result.Counts.Stored, reader.GetInt64(0));
        if (result.Counts.DeadLettered > 0)
        {
            var kept = result.Counts.DeadLettered - result.Counts.NotKept;
            Assert.Equal((kept, kept, result.Counts.NotKept), (reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3)));
        }
    }
}
