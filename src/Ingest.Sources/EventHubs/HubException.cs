using System.Net.Sockets;
using System.Security.Authentication;
using Amqp;
using Amqp.Framing;

namespace Ingest.Sources.EventHubs;

/// <summary>What a failure of the hub asks for.</summary>
public enum HubFailure
{
    /// <summary>A broken connection, a time-out, a busy or restarting hub: again, with growing pauses.</summary>
    Transient,

    /// <summary>Key, policy or signature are refused: an operator must mend it; retried slowly.</summary>
    Unauthorized,

    /// <summary>No such hub, consumer group or partition: an operator must mend it; retried slowly.</summary>
    NotFound,

    /// <summary>The hub speaks, but not as agreed (certificate, too many readers, protocol): an operator must mend it; retried slowly.</summary>
    Misconfigured,

    /// <summary>The hub does not know the offset asked for.</summary>
    PositionUnknown,

    /// <summary>A reader with a higher epoch has the partition. Never retried.</summary>
    OwnershipLost,
}

/// <summary>The hub, or the way to it, failed.</summary>
public class HubException : Exception
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
    internal bool IsBusy => InnerException is AmqpException { Error.Condition: { } condition } && condition.ToString() == "com.microsoft:server-busy";

    /// <summary>Sorts what went wrong.</summary>
    internal static HubException From(Exception exception, HubEndpoint endpoint)
    {
        var at = $"{endpoint.Connection.Host}:{endpoint.Connection.Port}";
        return exception switch
        {
            HubException known => known,
            AmqpException amqp => From(amqp.Error, endpoint, amqp),
            AuthenticationException => new HubException(
                HubFailure.Misconfigured,
                $"TLS with {at} failed: {exception.Message} Check the Endpoint, the machine's clock and its trusted root certificates.",
                exception),
            SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData } => new HubException(
                HubFailure.Transient, $"The host {endpoint.Connection.Host} is not known. Check the Endpoint and the name resolution.", exception),
            TimeoutException or OperationCanceledException => new HubException(HubFailure.Transient, $"{at} did not answer in time.", exception),
            _ => new HubException(HubFailure.Transient, $"The connection to {at} failed: {exception.Message}", exception),
        };
    }

    /// <summary>Sorts what the hub said; null where a link or connection ended without a reason.</summary>
    internal static HubException From(Error? error, HubEndpoint endpoint, Exception? cause = null)
    {
        var condition = error?.Condition?.ToString();
        var said = (error?.Description ?? condition ?? "no reason given").TrimEnd('.');
        return condition switch
        {
            "amqp:link:stolen" => new OwnershipLostException($"A reader with a higher epoch has taken over: {said}.", cause),
            "amqp:unauthorized-access" => new HubException(
                HubFailure.Unauthorized,
                $"{endpoint.Address} refuses the key or its policy lacks the right: {said}. Copy the connection string anew, of a policy with 'Listen' for reading (for an IoT hub: 'service connect') and 'Send' for sending.",
                cause),
            "amqp:not-found" => new HubException(
                HubFailure.NotFound,
                $"{endpoint.Address}: there is no such hub, consumer group or partition: {said}. Correct Hub:Name (or EntityPath), Hub:ConsumerGroup or Hub:Partitions.",
                cause),
            "com.microsoft:argument-error" or "com.microsoft:argument-out-of-range" or "com.microsoft:georeplication:invalid-offset"
                when said.Contains("offset", StringComparison.OrdinalIgnoreCase) => new HubException(HubFailure.PositionUnknown, $"{said}.", cause),
            // The hub names its partitions: a number beyond them is refused as out of range, not as not found.
            "com.microsoft:argument-out-of-range" => new HubException(
                HubFailure.NotFound, $"{endpoint.Address}: there is no such partition: {said}. Correct Hub:Partitions.", cause),
            "com.microsoft:argument-error" or "com.microsoft:entity-disabled" or "amqp:not-allowed" or "amqp:not-implemented"
                or "amqp:resource-limit-exceeded" or "amqp:link:message-size-exceeded" => new HubException(
                HubFailure.Misconfigured, $"{endpoint.Address} refuses: {said}. {WhatToDo(condition)}", cause),
            _ => new HubException(HubFailure.Transient, $"{endpoint.Address} ended the connection: {said}.", cause),
        };
    }

    private static string WhatToDo(string condition) => condition switch
    {
        "com.microsoft:entity-disabled" => "Activate the event hub again.",
        "amqp:resource-limit-exceeded" => "End other readers of the consumer group, or give this one a consumer group of its own; else raise the hub's capacity.",
        "amqp:link:message-size-exceeded" => "Send smaller messages, or choose a tier of the hub that takes them.",
        _ => "Check that the Endpoint is the Event Hub-compatible one, and Hub:Name, Hub:ConsumerGroup and Hub:Partitions.",
    };
}

/// <summary>Another reader has a higher epoch, so this one must end and not be started again by itself.</summary>
public sealed class OwnershipLostException : HubException
{
    public OwnershipLostException(string message, Exception? innerException = null)
        : base(HubFailure.OwnershipLost, message, innerException)
    {
    }
}
