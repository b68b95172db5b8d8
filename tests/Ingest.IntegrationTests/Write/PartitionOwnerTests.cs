using Azure.Messaging.EventHubs.Primitives;
using Ingest.Checkpoints;
using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.Worker.Ownership;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>Who reads which partition, on a real server, by a login that owns nothing.</summary>
public sealed class PartitionOwnerTests(PostgresFixture postgres)
{
    private const string Hub = "hub/telemetry";
    private const string Group = "$Default";

    private static readonly TimeSpan Expiry = TimeSpan.FromSeconds(30);

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
    public async Task An_owners_age_is_the_databases_whatever_the_workers_clock_says()
    {
        await using var database = await OpenAsync();
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(2));
        var ownership = Ownership(database, clock);
        await ClaimAsync(new PartitionOwnerTable(database), "a", ["0"], null);
        await AgeAsync(database, TimeSpan.FromSeconds(100));

        // At first the others may have been kept from renewing, as this worker was from looking.
        Assert.True(IsFresh(Assert.Single(await ListAsync(ownership))));
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.True(IsFresh(Assert.Single(await ListAsync(ownership))));
        clock.Advance(TimeSpan.FromSeconds(4));
        var owner = Assert.Single(await ListAsync(ownership));

        var age = TimeProvider.System.GetUtcNow() - owner.LastModifiedTime;
        Assert.InRange(age, TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(160));
    }

    [Fact]
    public async Task After_an_outage_everybody_has_the_expiry_to_renew_before_a_partition_is_taken()
    {
        await using var database = await OpenAsync();
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var ownership = Ownership(database, clock);
        await ClaimAsync(new PartitionOwnerTable(database), "a", ["0"], null);
        Assert.True(IsFresh(Assert.Single(await ListAsync(ownership))));

        // Nobody could look, or renew, for a hundred seconds.
        await AgeAsync(database, TimeSpan.FromSeconds(100));
        clock.Advance(TimeSpan.FromSeconds(100));
        Assert.True(IsFresh(Assert.Single(await ListAsync(ownership))));
        for (var look = 0; look < 9; look++)
        {
            clock.Advance(TimeSpan.FromSeconds(3));
            Assert.True(IsFresh(Assert.Single(await ListAsync(ownership))), $"taken after {3 * (look + 1)} s");
        }

        // It has not come back: it is gone.
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.False(IsFresh(Assert.Single(await ListAsync(ownership))));
    }

    private static bool IsFresh(EventProcessorPartitionOwnership owner) => TimeProvider.System.GetUtcNow() - owner.LastModifiedTime < Expiry;

    private static DatabaseOwnership Ownership(NpgsqlDataSource database, TimeProvider clock) =>
        new(new PartitionOwnerTable(database), Hub, unseenAfter: TimeSpan.FromSeconds(6), Expiry, clock);

    private static async Task<List<EventProcessorPartitionOwnership>> ListAsync(DatabaseOwnership ownership) =>
        [.. await ownership.ListOwnershipAsync("hub", "telemetry", Group, Stop)];

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
        await DatabaseMigrator.MigrateAsync(migrated, new MigrationOptions { PlainPostgres = true }, Stop);
        return NpgsqlDataSource.Create(await server.CreateLoginAsync(owner, memberOf: "ingest_writer", Stop));
    }
}
