using System.Runtime.Serialization;
using System.Security.Authentication;
using Azure.Messaging.EventHubs;
using Ingest.Sources.EventHubs;
using Microsoft.Azure.Amqp;
using Microsoft.Azure.Amqp.Encoding;
using Microsoft.Azure.Amqp.Framing;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class HubExceptionTests
{
    private static readonly HubEndpoint Endpoint = HubEndpoint.From(new HubSettings
    {
        ConnectionString = "Endpoint=sb://hub.servicebus.windows.net/;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0a2V5=;EntityPath=telemetry",
        Identity = "plant",
    });

    public static TheoryData<Exception, HubFailure, string> Refusals => new()
    {
        { new UnauthorizedAccessException("Said the hub.", Amqp("amqp:unauthorized-access")), HubFailure.Unauthorized, "'Listen'" },
        { new EventHubsException("telemetry", "Said the hub.", EventHubsException.FailureReason.ResourceNotFound), HubFailure.NotFound, "Hub:ConsumerGroup" },
        { new ArgumentOutOfRangeException("Said the hub.", Amqp("com.microsoft:argument-out-of-range")), HubFailure.NotFound, "Hub:Partitions" },
        { new ArgumentException("Said the hub.", Amqp("com.microsoft:argument-error")), HubFailure.Misconfigured, "Hub:Name" },
        { new InvalidOperationException("Said the hub.", Amqp("amqp:not-allowed")), HubFailure.Misconfigured, "Endpoint" },
        { new EventHubsException("telemetry", "Said the hub.", EventHubsException.FailureReason.QuotaExceeded), HubFailure.Misconfigured, "End other readers" },
        { new EventHubsException("telemetry", "Said the hub.", EventHubsException.FailureReason.MessageSizeExceeded), HubFailure.Misconfigured, "smaller messages" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_an_operator_must_mend_is_said_with_what_to_do(Exception thrown, HubFailure failure, string whatToDo)
    {
        var refused = HubException.From(thrown, Endpoint);

        Assert.Equal(failure, refused.Failure);
        Assert.True(refused.NeedsOperator);
        Assert.StartsWith("hub.servicebus.windows.net/telemetry", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Said the hub", refused.Message, StringComparison.Ordinal);
        Assert.Contains(whatToDo, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("troubleshooting", refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_certificate_that_is_not_trusted_is_told_wherever_it_hides()
    {
        var refused = HubException.From(new EventHubsException(true, "telemetry", "x", EventHubsException.FailureReason.ServiceCommunicationProblem, new AuthenticationException("untrusted")), Endpoint);

        Assert.Equal(HubFailure.Misconfigured, refused.Failure);
        Assert.Contains("root certificates", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_the_client_cannot_read_is_told_from_what_the_hub_says()
    {
        Assert.True(HubException.IsUndecodable(new ArgumentOutOfRangeException("utf32")));
        Assert.True(HubException.IsUndecodable(new NotSupportedException("array")));
        Assert.True(HubException.IsUndecodable(new SerializationException("map")));
        Assert.False(HubException.IsUndecodable(new ArgumentOutOfRangeException("partition", Amqp("com.microsoft:argument-out-of-range"))));
        Assert.False(HubException.IsUndecodable(new ObjectDisposedException("link")));
        Assert.False(HubException.IsUndecodable(new EventHubsException("telemetry", "x", EventHubsException.FailureReason.ServiceTimeout)));
    }

    private static AmqpException Amqp(string condition) => new(new Error { Condition = new AmqpSymbol(condition), Description = "Said the hub." });
}
