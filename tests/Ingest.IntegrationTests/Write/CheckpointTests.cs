using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Write;

public sealed class CheckpointTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    // Enough that the flush goes by COPY, and its checkpoints in the round trip of COMMIT.
    private const int ByCopy = 300;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task A_newcomer_goes_on_where_the_first_stopped_and_the_first_can_move_nothing_more(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.Source, database.Copy);
        var store = new CheckpointTable(database.Source);
        var first = Assert.Single(await store.ClaimAsync("hub", "group", ["0"], Stop));
        Assert.Equal((1, null), (first.Epoch, first.Position));
        await stage.ProcessAsync([new(0, "a", 1.0, 1.0)], Move(first, null, 10), Stop);

        var second = Assert.Single(await store.ClaimAsync("hub", "group", ["0"], Stop));
        var late = await Assert.ThrowsAsync<CheckpointFencedException>(
            () => stage.ProcessAsync([new(1, "a", 1.0, 1.0)], Move(first, 10, 20), Stop));
        await stage.ProcessAsync([new(2, "a", 1.0, 1.0), new(0, "a", 1.0, 1.0)], Move(second, 10, 30) with { Missed = 4 }, Stop);

        Assert.True(late.HasNewerOwner);
        Assert.Equal((2, 10), (second.Epoch, second.Position!.SequenceNumber));
        Assert.Equal(2, await database.RowsAsync("conditions", Stop));
        var stored = Assert.Single(await store.ListAsync(Stop));
        Assert.Equal(new Position("30", 30, WriteStage.Start), stored.Position);
        Assert.Equal(new ReadingCounts(Received: 3, Stored: 2, Duplicate: 1, Missed: 4), stored.Counts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(ByCopy)]
    public async Task A_fenced_partition_does_not_fail_its_neighbours_in_the_flush(int rows)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.Source, commit: new() { MaxDelayMilliseconds = 200 });
        var store = new CheckpointTable(database.Source);
        var claimed = await store.ClaimAsync("hub", "group", ["0", "1"], Stop);
        await store.ClaimAsync("hub", "group", ["1"], Stop);

        var good = stage.ProcessAsync(Different(rows), Move(claimed[0], null, 10), Stop);
        var goesOn = stage.ProcessAsync([new(1, "a", 1.0, 1.0)], Move(claimed[0], 10, 20), Stop);
        var fenced = stage.ProcessAsync([new(2, "b", 1.0, 1.0)], Move(claimed[1], null, 10), Stop);

        await Assert.ThrowsAsync<CheckpointFencedException>(() => fenced);
        Assert.Equal(rows, (await good).Stored);
        Assert.Equal(1, (await goesOn).Stored);
        Assert.Equal(20, (await store.ReadAsync(claimed[0].Partition, Stop))!.Position!.SequenceNumber);
        Assert.Equal(0, await database.RowsAsync("conditions WHERE device = 'b'", Stop));
    }

    [Fact]
    public async Task An_empty_batch_moves_its_checkpoint()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.Source);
        var claimed = Assert.Single(await new CheckpointTable(database.Source).ClaimAsync("hub", "group", ["0"], Stop));

        Assert.Equal(default, await stage.ProcessAsync([], Move(claimed, null, 10), Stop));
        Assert.Equal(10, (await new CheckpointTable(database.Source).ReadAsync(claimed.Partition, Stop))!.Position!.SequenceNumber);
    }

    [Theory]
    [InlineData(1, true, false)]
    [InlineData(1, false, false)]
    [InlineData(1, true, true)]
    [InlineData(1, false, true)]
    [InlineData(ByCopy, true, false)]
    [InlineData(ByCopy, false, false)]
    [InlineData(ByCopy, true, true)]
    [InlineData(ByCopy, false, true)]
    public async Task A_commit_whose_answer_was_lost_counts_once(int rows, bool withCheckpoint, bool beforeTheServerHasIt)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var proxy = TcpProxy.Start((await postgres.ServerAsync()).Port);
        await using var stage = new WriteStage(
            database.NewSource(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = proxy.Port }.ConnectionString));
        var store = new CheckpointTable(database.Source);
        var claimed = Assert.Single(await store.ClaimAsync("hub", "group", ["0"], Stop));
        await stage.ProcessAsync([new(0, "a", 1.0, 1.0)], withCheckpoint ? Move(claimed, null, 10) : null, Stop);

        // With its end: BEGIN says READ COMMITTED.
        proxy.CutAnswerTo("COMMIT\0", beforeTheServerHasIt);
        var counts = await stage.ProcessAsync(
            [new(0, "a", 1.0, 1.0), new(1, "a", 1.0, 1.0), new(1, "a", 2.0, 1.0), .. Different(rows)],
            withCheckpoint ? Move(claimed, 10, 20) : null,
            Stop);

        Assert.Equal(1, proxy.Cuts);
        Assert.Equal(new ReadingCounts(Received: rows + 3, Stored: rows + 2, Duplicate: 1, Collisions: 1), counts);
        Assert.Equal(rows + 3, await database.RowsAsync("conditions", Stop));
        if (withCheckpoint)
        {
            Assert.Equal(
                new ReadingCounts(Received: rows + 4, Stored: rows + 3, Duplicate: 1, Collisions: 1),
                (await store.ReadAsync(claimed.Partition, Stop))!.Counts);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_lost_commit_whose_checkpoint_stands_still_is_not_taken_for_carried_out(bool beforeTheServerHasIt)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var proxy = TcpProxy.Start((await postgres.ServerAsync()).Port);
        await using var stage = new WriteStage(
            database.NewSource(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = proxy.Port }.ConnectionString));
        var claimed = Assert.Single(await new CheckpointTable(database.Source).ClaimAsync("hub", "group", ["0"], Stop));
        await stage.ProcessAsync([new(0, "a", 1.0, 1.0)], Move(claimed, null, 10), Stop);

        proxy.CutAnswerTo("COMMIT\0", beforeTheServerHasIt);
        var counts = await stage.ProcessAsync([new(1, "a", 1.0, 1.0)], Move(claimed, 10, 10), Stop);

        Assert.Equal(1, proxy.Cuts);
        Assert.Equal(new ReadingCounts(Received: 1, Stored: 1), counts);
        Assert.Equal(2, await database.RowsAsync("conditions", Stop));
    }

    private static Reading[] Different(int rows) =>
        [.. Enumerable.Range(0, rows).Select(row => new Reading(row, "different", (double)row, 1.0))];

    private static Checkpoint Move(StoredCheckpoint claimed, long? from, long to) =>
        new(claimed.Partition, claimed.Epoch, from, new Position($"{to}", to, WriteStage.Start));
}
