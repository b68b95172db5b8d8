using Microsoft.Extensions.Logging;

namespace Ingest.LocalHub.Diagnostics;

internal static partial class HubLog
{
    [LoggerMessage(3000, LogLevel.Information, "Local hub '{Hub}' listens on 127.0.0.1:{Port} with {Partitions} partitions")]
    public static partial void Started(ILogger logger, string hub, int port, int partitions);

    [LoggerMessage(3001, LogLevel.Debug, "{Peer} opened a connection")]
    public static partial void ConnectionOpened(ILogger logger, string peer);

    [LoggerMessage(3002, LogLevel.Debug, "The connection of {Peer} was lost: {Reason}")]
    public static partial void ConnectionLost(ILogger logger, string peer, string reason);

    [LoggerMessage(3003, LogLevel.Warning, "{Peer} violated the protocol; its connection is closed")]
    public static partial void ProtocolBroken(ILogger logger, Exception exception, string peer);

    [LoggerMessage(3004, LogLevel.Warning, "A connection could not be accepted: {Reason}")]
    public static partial void AcceptFailed(ILogger logger, string reason);

    [LoggerMessage(3010, LogLevel.Debug, "{Peer} attached {Kind} {Link}")]
    public static partial void LinkAttached(ILogger logger, string peer, string kind, string link);

    [LoggerMessage(3011, LogLevel.Debug, "{Peer} may not attach {Link}: {Condition}: {Description}")]
    public static partial void AttachRefused(ILogger logger, string peer, string link, string condition, string description);

    [LoggerMessage(3012, LogLevel.Debug, "Link {Link} of {Peer} has ended ({Condition})")]
    public static partial void LinkEnded(ILogger logger, string peer, string link, string? condition);

    [LoggerMessage(3020, LogLevel.Error, "A client's connection has failed")]
    public static partial void ConnectionFailed(ILogger logger, Exception exception);
}
