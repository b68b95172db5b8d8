using Azure.Messaging.EventHubs;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class HubSenderTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cut_connections_lose_no_message_and_every_repeat_is_told()
    {
        const int Batches = 120;
        const int BatchSize = 100;
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await using var sender = new HubSender(hub.Client());
        var resent = 0;
        for (var batch = 0; batch < Batches; batch++)
        {
            if (batch % 20 == 10)
            {
                hub.Relay.Cut();
            }

            var result = await sender.SendAsync(
                [.. Enumerable.Range(batch * BatchSize, BatchSize).Select(TestHub.Numbered)], SendTarget.Partition("0"), Cancel);
            Assert.Equal(BatchSize, result.Messages);
            resent += result.Resent;
        }

        var bodies = await ReadAllAsync(hub, "0");
        Assert.Equal(Batches * BatchSize, bodies.Distinct().Count());
        Assert.InRange(bodies.Count, Batches * BatchSize, (Batches * BatchSize) + resent);
        Assert.True(hub.Relay.Accepted > 1, "the connection was never cut");
    }

    [Fact]
    public async Task Messages_of_one_key_share_a_partition()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 4 });
        var client = hub.Client();
        await using var sender = new HubSender(client);

        await sender.SendAsync([.. Enumerable.Range(0, 50).Select(TestHub.Numbered)], SendTarget.Key("device-1"), Cancel);
        await sender.SendAsync([.. Enumerable.Range(50, 50).Select(TestHub.Numbered)], SendTarget.Key("device-1"), Cancel);

        var counts = new List<long>();
        foreach (var partition in (await client.GetHubAsync(Cancel)).PartitionIds)
        {
            counts.Add((await client.GetPartitionAsync(partition, Cancel)).LastEnqueuedSequenceNumber + 1);
        }

        Assert.Equal([0, 0, 0, 100], counts.Order());
    }

    [Fact]
    public async Task Batches_are_split_by_size()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await using var sender = new HubSender(hub.Client());
        var body = new string('x', 200 * 1024);

        await sender.SendAsync(
            [.. Enumerable.Range(0, 12).Select(_ => new EventData(body))], SendTarget.Any, Cancel);

        var bodies = await ReadAllAsync(hub, "0");
        Assert.Equal(Enumerable.Repeat(body, 12), bodies);
    }

    [Fact]
    public async Task A_message_too_large_for_the_hub_is_the_callers_to_know()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await using var sender = new HubSender(hub.Client());

        var refused = await Assert.ThrowsAsync<HubException>(
            () => sender.SendAsync([new EventData(new BinaryData(new byte[2 * 1024 * 1024]))], SendTarget.Any, Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel));

        Assert.Equal(HubFailure.Misconfigured, refused.Failure);
    }

    [Fact]
    public async Task A_partition_that_is_not_there_is_the_callers_to_know()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await using var sender = new HubSender(hub.Client());

        var refused = await Assert.ThrowsAsync<HubException>(
            () => sender.SendAsync([TestHub.Numbered(0)], SendTarget.Partition("7"), Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel));

        Assert.Equal(HubFailure.NotFound, refused.Failure);
    }

    private static async Task<List<string>> ReadAllAsync(TestHub hub, string partition)
    {
        var client = hub.Client();
        var end = (await client.GetPartitionAsync(partition, Cancel)).LastEnqueuedSequenceNumber;
        var store = new MemoryStore();
        await RunningWorker.UntilStoredAsync(client, store, (int)end + 1);
        return store.Bodies(partition);
    }
}
