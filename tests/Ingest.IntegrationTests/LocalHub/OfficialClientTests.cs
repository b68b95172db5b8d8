using System.Text.Json;
using Amqp.Types;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

/// <summary>The official client knows nothing of this hub, so what it takes for an event hub is one.</summary>
public sealed class OfficialClientTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_sends_batches_of_one_and_of_a_thousand_to_a_partition_and_reads_them_back_in_order()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);

        await OfficialClient.RunAsync(hub, "send", new { batches = new[] { 1, 1000, 1 }, partitionId = "2" });
        var events = await ReadAsync(hub, "2", new { offset = "-1" }, 1002);

        Assert.Equal(Enumerable.Range(0, 1002), events.Select(e => e.GetProperty("body").GetProperty("n").GetInt32()));
        Assert.Equal(Enumerable.Range(0, 1002).Select(i => (long)i), events.Select(SequenceNumber));
        Assert.Equal([-1, -1, 1001, -1], hub.Partitions.Select(p => p.LastSequenceNumber));
    }

    [Fact]
    public async Task Its_events_with_a_partition_key_share_a_partition_and_carry_the_key()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);

        await OfficialClient.RunAsync(hub, "send", new { batches = new[] { 5, 1, 4 }, partitionKey = "greenhouse" });
        var chosen = Assert.Single(hub.Partitions, p => p.LastSequenceNumber >= 0);
        var events = await ReadAsync(hub, chosen.Id, new { offset = "-1" }, 10);

        Assert.All(events, e => Assert.Equal("greenhouse", e.GetProperty("partitionKey").GetString()));
    }

    [Fact]
    public async Task Its_body_of_200_KB_comes_back_as_it_was()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);

        var sent = await OfficialClient.RunAsync(hub, "sendLarge", new { partitionId = "0", length = 200 * 1024 });
        var read = Assert.Single(await ReadAsync(hub, "0", new { offset = "-1" }, 1));

        Assert.Equal(sent.GetProperty("sha256").GetString(), read.GetProperty("body").GetProperty("sha256").GetString());
    }

    [Fact]
    public async Task Its_application_properties_keep_their_AMQP_types()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);

        await OfficialClient.RunAsync(hub, "sendTyped", new { partitionId = "0" });
        var message = Assert.Single(await client.ReadAsync("0", 1));
        var back = Assert.Single(await ReadAsync(hub, "0", new { offset = "-1" }, 1));

        Dictionary<string, object?> expected = new()
        {
            ["null"] = null,
            ["boolean"] = true,
            ["ubyte"] = (byte)200,
            ["ushort"] = (ushort)60000,
            ["uint"] = 4000000000u,
            ["ulong"] = 5000000000ul,
            ["byte"] = (sbyte)-100,
            ["short"] = (short)-30000,
            ["int"] = -2000000000,
            ["long"] = -5000000000L,
            ["float"] = 0.5f,
            ["double"] = 0.1,
            ["char"] = 'A',
            ["timestamp"] = DateTime.UnixEpoch.AddMilliseconds(1767225600123),
            ["uuid"] = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
            ["binary"] = new byte[] { 1, 2, 3 },
            ["string"] = "text",
            ["symbol"] = new Symbol("symbol"),
        };
        Assert.Equal(expected.OrderBy(p => p.Key), message.ApplicationProperties.Map.Select(p => KeyValuePair.Create((string)p.Key, (object?)p.Value)).OrderBy(p => p.Key));
        Assert.Equal("application/json", message.Properties.ContentType);
        Assert.Equal("m-1", message.Properties.GetMessageId());
        Assert.Equal("""{"a":[1,{"b":2}]}""", HubEvents.Body(message));
        Assert.Equal(expected.Keys.Order(), back.GetProperty("properties").EnumerateObject().Select(p => p.Name).Order());
    }

    [Fact]
    public async Task It_reads_from_every_kind_of_position()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Clock = clock }, Cancelled);
        for (var i = 0; i < 10; i++)
        {
            HubEvents.Append(hub, "0", 1);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        var all = await ReadAsync(hub, "0", new { offset = "-1" }, 10);
        var offset = all[4].GetProperty("offset").GetString();
        var time = all[4].GetProperty("enqueuedOn").GetInt64();

        Assert.Equal(5, await FirstAsync(new { offset }));
        Assert.Equal(4, await FirstAsync(new { offset, isInclusive = true }));
        Assert.Equal(5, await FirstAsync(new { sequenceNumber = 4 }));
        Assert.Equal(4, await FirstAsync(new { sequenceNumber = 4, isInclusive = true }));
        Assert.Equal(5, await FirstAsync(new { enqueuedOn = time }));
        Assert.Equal(4, await FirstAsync(new { enqueuedOn = time - 1 }));

        async Task<long> FirstAsync(object position) => SequenceNumber((await ReadAsync(hub, "0", position, 1))[0]);
    }

    [Fact]
    public async Task It_reads_from_the_latest_only_what_comes_after()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        HubEvents.Append(hub, "1", 10);

        var result = await OfficialClient.RunAsync(hub, "readLatest", new { partition = "1" });
        var read = Assert.Single(result.GetProperty("events").EnumerateArray());

        Assert.Equal(10, SequenceNumber(read));
        Assert.Equal("after", read.GetProperty("body").GetString());
    }

    [Fact]
    public async Task Its_reader_of_a_higher_owner_level_takes_over_and_the_other_one_is_told()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        HubEvents.Append(hub, "0", 10);

        var result = await OfficialClient.RunAsync(hub, "steal", new { partition = "0", count = 10 });

        Assert.Equal(10, result.GetProperty("events").GetArrayLength());
        Assert.Equal("ReceiverDisconnectedError", result.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task It_is_told_that_a_consumer_group_does_not_exist()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);

        var result = await OfficialClient.RunAsync(hub, "read", new { group = "nobody", partition = "0", position = new { offset = "-1" }, count = 1 });

        Assert.Equal("MessagingEntityNotFoundError", result.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task It_gets_the_properties_of_the_hub_and_of_its_partitions()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
        await using var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, Name = "conditions", Partitions = 3, FirstSequenceNumbers = [100], Clock = clock }, Cancelled);
        clock.Advance(TimeSpan.FromMinutes(5));
        HubEvents.Append(hub, "0", 10);
        hub.DropBefore("0", 104);

        var result = await OfficialClient.RunAsync(hub, "properties", new { });
        var properties = result.GetProperty("hub");
        var partitions = result.GetProperty("partitions").EnumerateArray().ToList();

        Assert.Equal("conditions", properties.GetProperty("name").GetString());
        Assert.Equal(["0", "1", "2"], properties.GetProperty("partitionIds").EnumerateArray().Select(p => p.GetString()));
        Assert.Equal("2026-05-01T12:00:00.000Z", properties.GetProperty("createdOn").GetString());
        Assert.Equal(104, partitions[0].GetProperty("beginningSequenceNumber").GetInt64());
        Assert.Equal(109, partitions[0].GetProperty("lastEnqueuedSequenceNumber").GetInt64());
        Assert.Equal("2026-05-01T12:05:00.000Z", partitions[0].GetProperty("lastEnqueuedOnUtc").GetString());
        Assert.False(partitions[0].GetProperty("isEmpty").GetBoolean());
        Assert.True(partitions[1].GetProperty("isEmpty").GetBoolean());
        Assert.Equal(-1, partitions[1].GetProperty("lastEnqueuedSequenceNumber").GetInt64());
    }

    private static async Task<List<JsonElement>> ReadAsync(LocalEventHub hub, string partition, object position, int count)
    {
        var result = await OfficialClient.RunAsync(hub, "read", new { partition, position, count });
        Assert.False(result.TryGetProperty("error", out var error), error.ToString());
        return [.. result.GetProperty("events").EnumerateArray()];
    }

    private static long SequenceNumber(JsonElement @event) => @event.GetProperty("sequenceNumber").GetInt64();
}
