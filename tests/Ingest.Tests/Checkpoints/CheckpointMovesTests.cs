using Ingest.Checkpoints;
using Ingest.Events;
using Xunit;

namespace Ingest.Tests.Checkpoints;

public sealed class CheckpointMovesTests
{
    private static readonly PartitionKey Zero = new("hub", "group", "0");
    private static readonly PartitionKey One = new("hub", "group", "1");

    [Fact]
    public void Consecutive_moves_of_a_partition_become_one_and_their_counts_add_up()
    {
        var merged = CheckpointMoves.Merge(
        [
            (Move(Zero, null, 10) with { Missed = 1 }, new ReadingCounts(Received: 1, Stored: 1)),
            (Move(One, 5, 6), new ReadingCounts(Received: 2, Stored: 2)),
            (Move(Zero, 10, 20) with { Missed = 2 }, new ReadingCounts(Received: 3, Duplicate: 3)),
        ]);

        Assert.Equal(
            [
                (Move(Zero, null, 20) with { Missed = 3 }, new ReadingCounts(Received: 4, Stored: 1, Duplicate: 3)),
                (Move(One, 5, 6), new ReadingCounts(Received: 2, Stored: 2)),
            ],
            merged);
    }

    [Fact]
    public void A_move_that_does_not_go_on_stays_by_itself() =>
        Assert.Equal(2, CheckpointMoves.Merge([(Move(Zero, 1, 2), default), (Move(Zero, 3, 4), default)]).Count);

    [Fact]
    public void Only_a_move_that_moves_tells_whether_it_was_carried_out()
    {
        Assert.Equal(Move(One, 4, 6), CheckpointMoves.ProofOfCommit([Move(Zero, null, 20), Move(One, 4, 6), Move(Zero, 20, 20)]));
        Assert.Null(CheckpointMoves.ProofOfCommit([Move(Zero, 20, 20)]));
        Assert.Null(CheckpointMoves.ProofOfCommit([]));
    }

    [Fact]
    public void Refused_is_what_does_not_hold_and_all_that_builds_on_it()
    {
        Checkpoint[] moves = [Move(Zero, 10, 20), Move(Zero, 20, 30), Move(One, 4, 6), Move(One, 6, 8)];
        var stored = new Dictionary<PartitionKey, StoredCheckpoint> { [Zero] = Stored(Zero, 10), [One] = Stored(One, 5) };

        Assert.Equal(moves[2..], CheckpointMoves.Refused(moves, stored));
    }

    [Fact]
    public void Another_epoch_and_a_lost_row_refuse()
    {
        Checkpoint[] moves = [Move(Zero, 10, 20), Move(One, 1, 2)];
        var stored = new Dictionary<PartitionKey, StoredCheckpoint> { [Zero] = Stored(Zero, 10) with { Epoch = 2 } };

        Assert.Equal(moves, CheckpointMoves.Refused(moves, stored));
    }

    private static Checkpoint Move(PartitionKey partition, long? from, long to) =>
        new(partition, 1, from, new Position($"{to}", to, DateTime.UnixEpoch));

    private static StoredCheckpoint Stored(PartitionKey partition, long at) =>
        new(partition, 1, new Position($"{at}", at, DateTime.UnixEpoch), default, DateTime.UnixEpoch);
}
