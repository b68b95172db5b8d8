using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Settings;
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
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        using var sender = new HubSender(hub.Client());
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
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 4 });
        var client = hub.Client();
        using var sender = new HubSender(client);

        await sender.SendAsync([.. Enumerable.Range(0, 50).Select(TestHub.Numbered)], SendTarget.Key("device-1"), Cancel);
        await sender.SendAsync([.. Enumerable.Range(50, 50).Select(TestHub.Numbered)], SendTarget.Key("device-1"), Cancel);

        var counts = new List<long>();
        foreach (var partition in (await client.GetHubAsync(Cancel)).PartitionIds)
        {
            counts.Add((await client.GetPartitionAsync(partition, Cancel)).LastSequenceNumber + 1);
        }

        Assert.Equal([0, 0, 0, 100], counts.Order());
    }

    [Fact]
    public async Task Batches_are_split_by_size()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        using var sender = new HubSender(hub.Client());
        var body = new string('x', 200 * 1024);

        await sender.SendAsync(
            [.. Enumerable.Range(0, 12).Select(_ => new HubMessage { Body = System.Text.Encoding.UTF8.GetBytes(body) })], SendTarget.Any, Cancel);

        var bodies = await ReadAllAsync(hub, "0");
        Assert.Equal(Enumerable.Repeat(body, 12), bodies);
    }

    [Fact]
    public async Task A_message_too_large_for_the_hub_is_the_callers_to_know()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        using var sender = new HubSender(hub.Client());

        var refused = await Assert.ThrowsAsync<HubException>(
            () => sender.SendAsync([new HubMessage { Body = new byte[2 * 1024 * 1024] }], SendTarget.Any, Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel));

        Assert.Equal(HubFailure.Misconfigured, refused.Failure);
    }

    [Fact]
    public async Task A_link_that_is_refused_takes_no_session_of_the_connection_with_it()
    {
        // The hub allows 256 sessions a connection.
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var client = hub.Client();
        using var sender = new HubSender(client);
        for (var attempt = 0; attempt < 300; attempt++)
        {
            var refused = await Assert.ThrowsAsync<HubException>(
                () => sender.SendAsync([TestHub.Numbered(0)], SendTarget.Partition("7"), Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel));
            Assert.Equal(HubFailure.NotFound, refused.Failure);
        }

        await sender.SendAsync([TestHub.Numbered(1)], SendTarget.Partition("0"), Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.Equal(1, hub.Relay.Accepted);
    }

    private static async Task<List<string>> ReadAllAsync(TestHub hub, string partition)
    {
        var client = hub.Client();
        var end = (await client.GetPartitionAsync(partition, Cancel)).LastSequenceNumber;
        var store = new MemoryStore();
        using var worker = new HubWorker(client, TimeSource.IotHub, store.ClaimAsync, store.ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await store.StoredAsync((int)end + 1, Cancel);
        await stop.CancelAsync();
        await running;
        return store.Bodies(partition);
    }
}
