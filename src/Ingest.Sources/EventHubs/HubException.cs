using System.Net.Sockets;
using System.Net.WebSockets;
using System.Runtime.Serialization;
using System.Security.Authentication;
using Azure.Identity;
using Azure.Messaging.EventHubs;
using Microsoft.Azure.Amqp;

namespace Ingest.Sources.EventHubs;

/// <summary>What a failure of the hub asks for.</summary>
public enum HubFailure
{
    /// <summary>A broken connection, a time-out, a busy or restarting hub: again, with growing pauses.</summary>
    Transient,

    /// <summary>Key, policy, signature or identity are refused: an operator must mend it; retried slowly.</summary>
    Unauthorized,

    /// <summary>No such hub, consumer group or partition: an operator must mend it; retried slowly.</summary>
    NotFound,

    /// <summary>The hub speaks, but not as agreed (certificate, too many readers, protocol): an operator must mend it; retried slowly.</summary>
    Misconfigured,

    /// <summary>The hub does not know the offset asked for.</summary>
    PositionUnknown,

    /// <summary>Another reader has taken the partition over.</summary>
    PartitionTaken,
}

/// <summary>The hub, or the way to it, failed.</summary>
public sealed class HubException : Exception
{
    public HubException(HubFailure failure, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Failure = failure;
    }

    /// <summary>What it asks for.</summary>
    public HubFailure Failure { get; }

    /// <summary>Whether waiting alone does not mend it.</summary>
    public bool NeedsOperator => Failure is HubFailure.Unauthorized or HubFailure.NotFound or HubFailure.Misconfigured;

    /// <summary>Whether the hub asks for a pause of some seconds.</summary>
    internal bool IsBusy => InnerException is EventHubsException { Reason: EventHubsException.FailureReason.ServiceBusy };

    /// <summary>Sorts what went wrong.</summary>
    internal static HubException From(Exception exception, HubEndpoint endpoint)
    {
        var at = endpoint.Port is { } port ? $"{endpoint.Host}:{port}" : endpoint.Host;
        return exception switch
        {
            HubException known => known,
            EventHubsException told => From(told, endpoint),
            AggregateException { InnerException: { } inner } => From(inner, endpoint),
            AmqpException told => From(AsThroughClient(told, endpoint), endpoint),
            OperationCanceledException { InnerException: AmqpException told } => From(told, endpoint),
            AuthenticationFailedException login => new HubException(
                EntraLogin.MayPass(login) ? HubFailure.Transient : HubFailure.Unauthorized, EntraLogin.Sentence(login, endpoint.Address), login),
            UnauthorizedAccessException when endpoint.HasIdentity => new HubException(
                HubFailure.Unauthorized,
                $"{endpoint.Address} refuses the identity: {Said(exception)}. Give it the role 'Azure Event Hubs Data Receiver' for reading and 'Azure Event Hubs Data Sender' for sending; that takes some minutes.",
                exception),
            UnauthorizedAccessException => new HubException(
                HubFailure.Unauthorized,
                $"{endpoint.Address} refuses the key or its policy lacks the right: {Said(exception)}. Copy the connection string anew, of a policy with 'Listen' for reading (for an IoT hub: 'service connect') and 'Send' for sending.",
                exception),
            AuthenticationException => new HubException(
                HubFailure.Misconfigured,
                $"TLS with {at} failed: {Said(exception)}. Check the Endpoint, the machine's clock and its trusted root certificates.",
                exception),
            { InnerException: AuthenticationException inner } => From(inner, endpoint),
            SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData } => new HubException(
                HubFailure.Transient, $"The host {endpoint.Host} is not known. Check the Endpoint and the name resolution.", exception),
            WebSocketException { InnerException: { } inner } => new HubException(
                HubFailure.Transient, $"The WebSocket to {at} could not be opened: {Said(inner)}. Check Hub:Proxy and that port 443 is open.", exception),
            TimeoutException or OperationCanceledException => new HubException(HubFailure.Transient, $"{at} did not answer in time.", exception),
            ArgumentException or InvalidOperationException or NotSupportedException when SaidByService(exception) => Refused(exception, endpoint),
            _ => new HubException(HubFailure.Transient, $"The connection to {at} failed: {Said(exception)}.", exception),
        };
    }

    /// <summary>Whether the client failed over a message's contents, and neither the hub nor the way to it failed.</summary>
    internal static bool IsUndecodable(Exception exception) =>
        exception is ArgumentException or NotSupportedException or FormatException or InvalidCastException or OverflowException or InvalidOperationException
            or IndexOutOfRangeException or NullReferenceException or OutOfMemoryException or SerializationException
        && !SaidByService(exception)
        && exception is not ObjectDisposedException
        || exception is EventHubsException { InnerException: AmqpException { Error.Condition.Value: "amqp:decode-error" or "amqp:invalid-field" } };

    private static HubException From(EventHubsException told, HubEndpoint endpoint) => told.Reason switch
    {
        EventHubsException.FailureReason.ConsumerDisconnected => new HubException(
            HubFailure.PartitionTaken, $"Another reader has taken the partition: {Said(told)}.", told),
        EventHubsException.FailureReason.ResourceNotFound when told.Message.Contains("disabled", StringComparison.OrdinalIgnoreCase) => new HubException(
            HubFailure.Misconfigured, $"{endpoint.Address} refuses: {Said(told)}. Activate the event hub again.", told),
        EventHubsException.FailureReason.ResourceNotFound => new HubException(
            HubFailure.NotFound,
            $"{endpoint.Address}: there is no such hub, consumer group or partition: {Said(told)}. Correct Hub:Name (or EntityPath), Hub:ConsumerGroup or Hub:Partitions.",
            told),
        EventHubsException.FailureReason.QuotaExceeded => new HubException(
            HubFailure.Misconfigured,
            $"{endpoint.Address} refuses: {Said(told)}. End other readers of the consumer group, or give this one a consumer group of its own; else raise the hub's capacity.",
            told),
        EventHubsException.FailureReason.MessageSizeExceeded => new HubException(
            HubFailure.Misconfigured, $"{endpoint.Address} refuses: {Said(told)}. Send smaller messages, or choose a tier of the hub that takes them.", told),
        _ when told.InnerException is AuthenticationException or UnauthorizedAccessException or AuthenticationFailedException => From(told.InnerException, endpoint),
        _ => new HubException(HubFailure.Transient, $"{endpoint.Address} ended the connection: {Said(told)}.", told),
    };

    // As the client library translates it, so that an error of a link beside it is sorted by the same rules.
    private static Exception AsThroughClient(AmqpException told, HubEndpoint endpoint) => told.Error?.Condition.Value switch
    {
        "amqp:unauthorized-access" => new UnauthorizedAccessException(told.Message, told),
        "amqp:not-allowed" => new InvalidOperationException(told.Message, told),
        "amqp:not-implemented" => new NotSupportedException(told.Message, told),
        "com.microsoft:argument-error" => new ArgumentException(told.Message, told),
        "com.microsoft:argument-out-of-range" => new ArgumentOutOfRangeException(told.Message, told),
        var condition => new EventHubsException(isTransient: true, endpoint.Name, told.Message, ReasonOf(condition, told.Message), told),
    };

    private static EventHubsException.FailureReason ReasonOf(string? condition, string message) => condition switch
    {
        "amqp:link:stolen" => EventHubsException.FailureReason.ConsumerDisconnected,
        "amqp:link:message-size-exceeded" => EventHubsException.FailureReason.MessageSizeExceeded,
        "amqp:resource-limit-exceeded" => EventHubsException.FailureReason.QuotaExceeded,
        "com.microsoft:entity-disabled" => EventHubsException.FailureReason.ResourceNotFound,
        "com.microsoft:server-busy" => EventHubsException.FailureReason.ServiceBusy,
        // Without these words it is a namespace that is being moved.
        "amqp:not-found" when message.Contains("could not be found", StringComparison.OrdinalIgnoreCase) || message.Contains("status-code: 404", StringComparison.OrdinalIgnoreCase) =>
            EventHubsException.FailureReason.ResourceNotFound,
        _ => EventHubsException.FailureReason.ServiceCommunicationProblem,
    };

    private static HubException Refused(Exception exception, HubEndpoint endpoint)
    {
        var said = Said(exception);
        return exception switch
        {
            _ when said.Contains("offset", StringComparison.OrdinalIgnoreCase) => new HubException(HubFailure.PositionUnknown, $"{said}.", exception),
            // The hub names its partitions: a number beyond them is refused as out of range, not as not found.
            ArgumentOutOfRangeException => new HubException(
                HubFailure.NotFound, $"{endpoint.Address}: there is no such partition: {said}. Correct Hub:Partitions.", exception),
            _ => new HubException(
                HubFailure.Misconfigured,
                $"{endpoint.Address} refuses: {said}. Check that the Endpoint is the Event Hub-compatible one, and Hub:Name, Hub:ConsumerGroup and Hub:Partitions.",
                exception),
        };
    }

    // The client turns an answer of the service into one of .NET's own exceptions, with the service's error below it.
    private static bool SaidByService(Exception exception) => exception.InnerException is AmqpException;

    // Without the clients' additions: links to troubleshooting guides, numbers for the support, and the hub's name, which the sentence has already.
    internal static string Said(Exception exception)
    {
        var text = exception.InnerException is AmqpException { Message.Length: > 0 } told ? told.Message : exception.Message;
        foreach (var addition in (string[])["For troubleshooting information", "See the troubleshooting guide", " (Parameter", "\r", "\n", "TrackingId:", "Trace ID:"])
        {
            var at = text.IndexOf(addition, StringComparison.Ordinal);
            text = at > 0 ? text[..at] : text;
        }

        return text.Trim().TrimEnd('.', ',');
    }
}
