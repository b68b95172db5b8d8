using Ingest.Checkpoints;
using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.Worker.Ownership;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>Who reads which partition, on a real server, by a login that owns nothing.</summary>
public sealed class PartitionOwnerTests(PostgresFixture postgres)
{
    private const string Hub = "hub/telemetry";
    private const string Group = "$Default";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_two_that_claim_a_partition_as_they_saw_it_one_gets_it()
    {
        await using var database = await OpenAsync();
        var owners = new PartitionOwnerTable(database);

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => ClaimAsync(owners, $"worker-{number}", ["0", "1", "2"], seen: null)));

        Assert.Equal(3, claims.Sum(claimed => claimed.Count));
        var seen = (await owners.ListAsync(Hub, Group, Stop)).Single(owner => owner.Partition.Partition == "1").Version;
        Assert.Single(await ClaimAsync(owners, "late", ["1"], seen));
        Assert.Empty(await ClaimAsync(owners, "later", ["1"], seen));
        Assert.Empty(await ClaimAsync(owners, "stranger", ["1"], seen: null));
    }

    [Fact]
    public async Task Renewing_keeps_since_when_it_is_owned_and_another_owner_begins_anew()
    {
        await using var database = await OpenAsync();
        var owners = new PartitionOwnerTable(database);
        var first = Assert.Single(await ClaimAsync(owners, "a", ["0"], null));

        var renewed = Assert.Single(await ClaimAsync(owners, "a", ["0"], first.Version));
        var taken = Assert.Single(await ClaimAsync(owners, "b", ["0"], renewed.Version));

        Assert.Equal(first.OwnedSince, renewed.OwnedSince);
        Assert.True(taken.OwnedSince > first.OwnedSince);
    }

    [Fact]
    public async Task An_owners_age_is_the_databases_in_terms_of_the_workers_clock()
    {
        await using var database = await OpenAsync();
        var ownership = new DatabaseOwnership(new PartitionOwnerTable(database), Hub);
        await ClaimAsync(new PartitionOwnerTable(database), "a", ["0"], null);
        await AgeAsync(database, TimeSpan.FromSeconds(100));

        var owner = Assert.Single(await ownership.ListOwnershipAsync("hub", "telemetry", Group, Stop));

        var age = TimeProvider.System.GetUtcNow() - owner.LastModifiedTime;
        Assert.InRange(age, TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(160));
    }

    private static Task<IReadOnlyList<PartitionOwner>> ClaimAsync(PartitionOwnerTable owners, string owner, string[] partitions, long? seen) =>
        owners.ClaimAsync(Hub, Group, [.. partitions.Select(partition => new OwnerClaim(partition, owner, seen))], Stop);

    private static async Task AgeAsync(NpgsqlDataSource database, TimeSpan by)
    {
        await using var command = database.CreateCommand("UPDATE partition_owners SET last_modified = last_modified - $1");
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = by });
        await command.ExecuteNonQueryAsync(Stop);
    }

    private async Task<NpgsqlDataSource> OpenAsync()
    {
        var server = await postgres.ServerAsync();
        var owner = await server.CreateDatabaseAsync(Stop);
        await using var migrated = NpgsqlDataSource.Create(owner);
        await DatabaseMigrator.MigrateAsync(migrated, new MigrationSettings { PlainPostgres = true }, Stop);
        return NpgsqlDataSource.Create(await server.CreateLoginAsync(owner, memberOf: "ingest_writer", Stop));
    }
}
