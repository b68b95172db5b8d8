using Amqp.Framing;
using Amqp.Types;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class HubExceptionTests
{
    private static readonly HubEndpoint Endpoint = HubEndpoint.From(new HubSettings
    {
        ConnectionString = "Endpoint=sb://hub.servicebus.windows.net/;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0a2V5=;EntityPath=telemetry",
        Identity = "plant",
    });

    [Theory]
    [InlineData("amqp:unauthorized-access", HubFailure.Unauthorized, "'Listen'")]
    [InlineData("amqp:not-found", HubFailure.NotFound, "Hub:ConsumerGroup")]
    [InlineData("com.microsoft:argument-out-of-range", HubFailure.NotFound, "Hub:Partitions")]
    [InlineData("com.microsoft:argument-error", HubFailure.Misconfigured, "Hub:Name")]
    [InlineData("com.microsoft:entity-disabled", HubFailure.Misconfigured, "Activate")]
    [InlineData("amqp:not-allowed", HubFailure.Misconfigured, "Endpoint")]
    [InlineData("amqp:resource-limit-exceeded", HubFailure.Misconfigured, "End other readers")]
    [InlineData("amqp:link:message-size-exceeded", HubFailure.Misconfigured, "smaller messages")]
    public void What_an_operator_must_mend_is_said_with_what_to_do(string condition, HubFailure failure, string whatToDo)
    {
        var refused = HubException.From(new Error(new Symbol(condition)) { Description = "Said the hub." }, Endpoint);

        Assert.Equal(failure, refused.Failure);
        Assert.StartsWith("hub.servicebus.windows.net/telemetry", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Said the hub. ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(whatToDo, refused.Message, StringComparison.Ordinal);
    }
}
