using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

public sealed class SendingTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Annotations_that_a_sender_sets_are_kept()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var stamp = new DateTime(2026, 1, 2, 3, 4, 5, 678, DateTimeKind.Utc);
        var message = HubEvents.Of("{}", device: "device-7");
        HubEvents.Annotate(message, "iothub-enqueuedtime", stamp);
        HubEvents.Annotate(message, "iothub-message-source", "deviceLifecycleEvents");
        HubEvents.Annotate(message, "iothub-connection-module-id", "camera");

        await (await client.OpenSenderAsync("telemetry/Partitions/1")).SendAsync(message);
        var read = Assert.Single(await client.ReadAsync("1", 1));

        Assert.Equal("device-7", HubEvents.Annotation(read, "iothub-connection-device-id"));
        Assert.Equal("camera", HubEvents.Annotation(read, "iothub-connection-module-id"));
        Assert.Equal(stamp, HubEvents.Annotation(read, "iothub-enqueuedtime"));
        Assert.Equal("deviceLifecycleEvents", HubEvents.Annotation(read, "iothub-message-source"));
    }

    [Fact]
    public async Task A_device_s_event_gets_the_stamp_and_the_source_it_lacks_and_any_other_event_does_not()
    {
        var before = DateTime.UnixEpoch.AddMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var sender = await client.OpenSenderAsync("telemetry/Partitions/0");

        await sender.SendAsync(HubEvents.Of("{}", device: "device-7"));
        await sender.SendAsync(HubEvents.Of("{}"));
        var read = await client.ReadAsync("0", 2);

        Assert.Equal("Telemetry", HubEvents.Annotation(read[0], "iothub-message-source"));
        Assert.InRange((DateTime)HubEvents.Annotation(read[0], "iothub-enqueuedtime")!, before, TimeProvider.System.GetUtcNow().UtcDateTime);
        Assert.Null(HubEvents.Annotation(read[1], "iothub-message-source"));
        Assert.Null(HubEvents.Annotation(read[1], "iothub-enqueuedtime"));
        Assert.InRange((DateTime)HubEvents.Annotation(read[1], "x-opt-enqueued-time")!, before, TimeProvider.System.GetUtcNow().UtcDateTime);
    }

    [Fact]
    public async Task The_hub_numbers_events_itself_whatever_a_sender_claims()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var sender = await client.OpenSenderAsync("telemetry/Partitions/0");
        for (var i = 0; i < 3; i++)
        {
            var message = HubEvents.Of("{}");
            HubEvents.Annotate(message, "x-opt-sequence-number", 99L);
            HubEvents.Annotate(message, "x-opt-offset", "99");
            HubEvents.Annotate(message, "x-opt-enqueued-time", DateTime.UnixEpoch);
            await sender.SendAsync(message);
        }

        var read = await client.ReadAsync("0", 3);

        Assert.Equal([0, 1, 2], read.Select(HubEvents.SequenceNumber));
        Assert.Equal(3, read.Select(m => HubEvents.Annotation(m, "x-opt-offset")).OfType<string>().Distinct().Count());
        Assert.All(read, m => Assert.True((DateTime)HubEvents.Annotation(m, "x-opt-enqueued-time")! > DateTime.UnixEpoch));
        Assert.All(read, m => Assert.Equal(3, m.MessageAnnotations.Map.Count));
    }

    [Fact]
    public async Task Properties_body_and_footer_come_back_as_they_were_sent()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var id = Guid.NewGuid();
        var message = new Message
        {
            Header = new Header { Durable = true },
            Properties = new Properties { ContentType = "application/json", ContentEncoding = "utf-8" },
            ApplicationProperties = new ApplicationProperties { ["text"] = "ü", ["id"] = id, ["flag"] = true, ["ratio"] = 0.1f, ["bytes"] = new byte[] { 1, 2 } },
            BodySection = new AmqpValue { Value = "a value, not data" },
            Footer = new Footer(),
        };
        message.Properties.SetMessageId(17UL);
        message.Footer[new Symbol("sum")] = "abc";

        await (await client.OpenSenderAsync("telemetry/Partitions/0")).SendAsync(message);
        var read = Assert.Single(await client.ReadAsync("0", 1));

        Assert.Equal(17UL, read.Properties.GetMessageId());
        Assert.Equal("application/json", read.Properties.ContentType);
        Assert.Equal("utf-8", read.Properties.ContentEncoding);
        Assert.Equal(message.ApplicationProperties.Map.OrderBy(p => p.Key), read.ApplicationProperties.Map.OrderBy(p => p.Key));
        Assert.Equal("a value, not data", read.Body);
        Assert.Equal("abc", read.Footer[new Symbol("sum")]);
    }

    [Fact]
    public async Task Every_event_of_a_device_goes_to_one_partition_in_the_order_sent()
    {
        const int PerDevice = 50;
        string[] devices = ["a", "b", "c", "d", "e", "f", "g"];
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var sender = await client.OpenSenderAsync("telemetry");
        for (var i = 0; i < PerDevice; i++)
        {
            foreach (var device in devices)
            {
                await sender.SendAsync(HubEvents.Of($"{i}", device));
            }
        }

        var partitionOf = new Dictionary<string, string>();
        var seen = devices.ToDictionary(d => d, _ => 0);
        foreach (var partition in hub.Partitions)
        {
            foreach (var message in await client.ReadAsync(partition.Id, (int)partition.LastSequenceNumber + 1))
            {
                var device = (string)HubEvents.Annotation(message, "iothub-connection-device-id")!;
                partitionOf.TryAdd(device, partition.Id);
                Assert.Equal(partitionOf[device], partition.Id);
                Assert.Equal($"{seen[device]++}", HubEvents.Body(message));
            }
        }

        Assert.All(devices, device => Assert.Equal(PerDevice, seen[device]));
        Assert.True(partitionOf.Values.Distinct().Count() > 1);
    }

    [Fact]
    public async Task Events_without_a_key_or_a_device_go_to_the_partitions_in_turn()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 3 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var sender = await client.OpenSenderAsync("telemetry");
        for (var i = 0; i < 9; i++)
        {
            await sender.SendAsync(HubEvents.Of("{}"));
        }

        Assert.All(hub.Partitions, p => Assert.Equal(2, p.LastSequenceNumber));
    }

    [Fact]
    public async Task A_message_of_nearly_a_megabyte_passes_through_small_frames()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub, maxFrameSize: 1024);
        var body = new byte[1_000_000];
        new Random(5).NextBytes(body);

        await (await client.OpenSenderAsync("telemetry/Partitions/0")).SendAsync(new Message { BodySection = new Data { Binary = body } });
        var read = Assert.Single(await client.ReadAsync("0", 1));

        Assert.Equal(body, ((Data)read.BodySection).Binary);
    }

    [Fact]
    public async Task A_message_over_a_megabyte_is_refused_and_the_next_one_is_not()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var sender = await client.OpenSenderAsync("telemetry/Partitions/0");

        var refusal = await Assert.ThrowsAsync<AmqpException>(() => sender.SendAsync(new Message { BodySection = new Data { Binary = new byte[1024 * 1024] } }));
        await sender.SendAsync(HubEvents.Of("{}"));

        Assert.Equal(ErrorCode.MessageSizeExceeded, refusal.Error.Condition);
        Assert.Equal("{}", HubEvents.Body(Assert.Single(await client.ReadAsync("0", 1))));
    }

    [Fact]
    public async Task A_batch_of_which_one_part_cannot_be_read_is_refused_whole()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var good = HubEvents.Of("{}").Encode();
        var parts = new DataList();
        parts.Add(new Data { Binary = good.Buffer[good.Offset..(good.Offset + good.Length)] });
        parts.Add(new Data { Binary = [0x00, 0x53, 0x75, 0xa0, 0x09, 0x00] });
        var batch = new Message { Format = 0x80013700, BodySection = parts };

        var sender = await client.OpenSenderAsync("telemetry/Partitions/0");
        var refusal = await Assert.ThrowsAsync<AmqpException>(() => sender.SendAsync(batch));

        Assert.Equal(ErrorCode.DecodeError, refusal.Error.Condition);
        Assert.Equal(-1, hub.Partitions[0].LastSequenceNumber);
    }
}
