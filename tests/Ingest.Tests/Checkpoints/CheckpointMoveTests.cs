using Ingest.Checkpoints;
using Ingest.Events;
using Xunit;

namespace Ingest.Tests.Checkpoints;

public sealed class CheckpointMoveTests
{
    [Fact]
    public void Moves_take_their_row_locks_in_the_order_of_a_claim()
    {
        var command = CheckpointTable.Move(
            [Move("h2", "a", "0", 1), Move("h1", "b", "2", 2), Move("h1", "b", "10", 3), Move("h1", "a", "3", 4)]);

        Assert.Equal(["h1", "h1", "h1", "h2"], (string[])command.Parameters[0].Value!);
        Assert.Equal(["a", "b", "b", "a"], (string[])command.Parameters[1].Value!);
        Assert.Equal(["3", "10", "2", "0"], (string[])command.Parameters[2].Value!);
        Assert.Equal([4, 3, 2, 1], (long[])command.Parameters[3].Value!);
    }

    private static (Checkpoint Move, ReadingCounts Counts) Move(string hub, string group, string partition, long epoch) =>
        (new Checkpoint(new PartitionKey(hub, group, partition), epoch, null, new Position("0", 0, DateTime.UnixEpoch)), default);
}
