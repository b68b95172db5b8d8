using Ingest.Checkpoints;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class PartitionReaderTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_that_retention_takes_while_a_link_is_made_is_no_renumbering()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        await hub.SendAsync("0", 0, 200);
        var clock = new ClockOfAttempts();
        var client = hub.Client(time: clock);
        var position = await PositionOfAsync(client, 99);

        // The first limit to end is that of the request where the partition begins: the link is attached next.
        var asked = 0;
        clock.Ended = () =>
        {
            if (Interlocked.Increment(ref asked) == 1)
            {
                hub.Hub.DropBefore("0", 150);
            }
        };
        await using var reader = Reader(client, StartPosition.After(position));
        reader.Start();
        var batch = await reader.TakeAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        Assert.NotNull(batch);
        Assert.Equal(150, batch.Events[0].SequenceNumber);
        Assert.False(batch.NumberingRestarted, "the gap before 150 would not be counted as missed");
        Assert.True(reader.Reconnects > 0, "the event was gone before the partition was asked where it begins");
    }

    private static async Task<Position> PositionOfAsync(HubClient client, long sequenceNumber)
    {
        await using var reader = Reader(client, StartPosition.Earliest);
        reader.Start();
        while (true)
        {
            var batch = await reader.TakeAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
            if (batch!.Events.FirstOrDefault(received => received.SequenceNumber == sequenceNumber) is { } found)
            {
                return new Position(found.Offset!, sequenceNumber, PartitionReader.Stamp(found));
            }
        }
    }

    private static PartitionReader Reader(HubClient client, StartPosition start) =>
        new(client, new ReaderOptions("$Default", "0", start, Epoch: null, TimeSource.IotHub));
}
