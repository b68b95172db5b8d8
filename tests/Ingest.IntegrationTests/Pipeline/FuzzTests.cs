using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Fuzzing;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>Mutated bodies from bytes to rows. <c>-- fuzz --pipeline</c> of the benchmarks runs long.</summary>
public sealed class FuzzTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Every_mutated_body_is_in_its_one_place_and_its_neighbours_are_intact_also_when_all_are_sent_again()
    {
        var stop = TestContext.Current.CancellationToken;
        var database = await postgres.CreateDatabaseAsync(stop);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, stop);
        await using var fuzzer = await PipelineFuzzer.CreateAsync(database, seed: 1, stop);

        Assert.Null(await fuzzer.RunAsync(5_000, stop));
        Assert.True(fuzzer.Bombs > 10, "no small message that holds much was sent");
        Assert.True(
            fuzzer.Counts is { Balance: true, Stored: > 5_500, DeadLettered: > 1_000, Ignored: > 10, Collisions: > 50 },
            fuzzer.Counts.ToString());
    }
}
