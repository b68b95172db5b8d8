using System.Text.Json;
using Ingest.Events;
using Ingest.Settings;
using Xunit;

namespace Ingest.Tests.Events;

public sealed class TriggerPartitionTests
{
    private const string Context = """
        {"FullyQualifiedNamespace":"hub.servicebus.windows.net","EventHubName":"telemetry","ConsumerGroup":"live","PartitionId":"3","IsCheckpointingAfterInvocation":true}
        """;

    public static TheoryData<object> Contexts => [Context, JsonDocument.Parse(Context).RootElement, Context.ToLowerInvariant().Replace("\"3\"", "\"3\"")];

    [Theory]
    [MemberData(nameof(Contexts))]
    public void The_hosts_context_names_hub_and_partition(object context)
    {
        Assert.Equal(
            new TriggerPartition("hub.servicebus.windows.net/telemetry", "3"),
            TriggerPartition.From(new Dictionary<string, object?> { ["TriggerPartitionContext"] = context }, "other"));
    }

    [Fact]
    public void A_name_from_the_settings_is_the_hubs_whatever_the_host_says()
    {
        Assert.Equal(
            new TriggerPartition("before-the-failover/telemetry", "3"),
            TriggerPartition.From(new Dictionary<string, object?> { ["TriggerPartitionContext"] = Context }, "other", "before-the-failover/telemetry"));
        Assert.Equal(new TriggerPartition("named", ""), TriggerPartition.From(new Dictionary<string, object?>(), "other", "named"));
        Assert.Equal(new TriggerPartition("other", ""), TriggerPartition.From(new Dictionary<string, object?>(), "other", " "));
    }

    [Fact]
    public void An_older_extensions_context_will_do()
    {
        Assert.Equal("3", TriggerPartition.From(new Dictionary<string, object?> { ["PartitionContext"] = """{"PartitionId":"3"}""" }, "telemetry").Partition);
    }

    [Fact]
    public void A_context_without_a_namespace_has_the_hubs_name_alone()
    {
        Assert.Equal(
            new TriggerPartition("telemetry", "3"),
            TriggerPartition.From(new Dictionary<string, object?> { ["PartitionContext"] = """{"PartitionId":"3"}""" }, "telemetry"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"PartitionId":3}""")]
    [InlineData(42)]
    public void What_cannot_be_read_never_throws(object? context)
    {
        Assert.Equal(
            new TriggerPartition("telemetry", ""),
            TriggerPartition.From(new Dictionary<string, object?> { ["TriggerPartitionContext"] = context }, "telemetry"));
    }

    public static TheoryData<object> Stamps =>
    [
        new DateTimeOffset(2026, 3, 4, 7, 6, 7, 891, TimeSpan.FromHours(2)).AddTicks(7),
        new DateTime(2026, 3, 4, 5, 6, 7, 891, DateTimeKind.Utc),
        "2026-03-04T05:06:07.8910000Z",
        1_772_600_767_891L,
    ];

    [Theory]
    [MemberData(nameof(Stamps))]
    public void Annotations_are_taken_whatever_their_type(object stamp)
    {
        var message = new TriggerPartition("host/telemetry", "3").ToEvent(
            TimeSource.IotHub,
            new Dictionary<string, object?>
            {
                ["iothub-enqueuedtime"] = stamp,
                ["iothub-connection-device-id"] = "itsme",
                ["iothub-connection-module-id"] = "m",
                ["iothub-message-source"] = "Telemetry",
                ["x-opt-sequence-number"] = 42,
                ["x-opt-offset"] = 4711L,
                ["x-opt-enqueued-time"] = new DateTimeOffset(2026, 3, 4, 5, 6, 8, TimeSpan.Zero),
                ["content-type"] = "application/json",
                ["content-encoding"] = "utf-8",
                ["message-id"] = Guid.Empty,
                ["iothub-creation-time-utc"] = null,
            },
            new Dictionary<string, object?> { ["site"] = "north", ["blob"] = new byte[] { 1 } },
            "{}"u8.ToArray());

        Assert.Equal("host/telemetry", message.Hub);
        Assert.Equal("3", message.Partition);
        Assert.Equal(new DateTime(2026, 3, 4, 5, 6, 7, 891, DateTimeKind.Utc), message.EnqueuedTime);
        Assert.Equal(new DateTime(2026, 3, 4, 5, 6, 8, DateTimeKind.Utc), message.HubEnqueuedTime);
        Assert.Equal("itsme", message.DeviceId);
        Assert.Equal("m", message.ModuleId);
        Assert.Equal("Telemetry", message.MessageSource);
        Assert.Equal(42, message.SequenceNumber);
        Assert.Equal("4711", message.Offset);
        Assert.Equal("application/json", message.ContentType);
        Assert.Equal("utf-8", message.ContentEncoding);
        Assert.Equal("00000000-0000-0000-0000-000000000000", message.MessageId);
        Assert.Equal("north", message.Properties["site"]);
        Assert.Equal(new byte[] { 1 }, message.Properties["blob"]);
        Assert.Equal("{}"u8.ToArray(), message.Body.ToArray());
    }
}
