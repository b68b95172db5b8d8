using System.Text.Json;
using Ingest.Functions.Hosting;
using Xunit;

namespace Ingest.Tests.EventHubs;

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
}
