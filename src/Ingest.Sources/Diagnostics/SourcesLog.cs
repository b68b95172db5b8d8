using Ingest.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ingest.Sources.Diagnostics;

/// <summary>What the sources say, 2000-2999.</summary>
internal static partial class SourcesLog
{
    [LoggerMessage(LogEventIds.Reconnecting, LogLevel.Warning, "{Hub}, partition {Partition}: {Reason} Trying again in {Delay}")]
    public static partial void Reconnecting(ILogger logger, string hub, string partition, string reason, TimeSpan delay);

    [LoggerMessage(
        LogEventIds.PositionUnknown,
        LogLevel.Warning,
        "{Hub}, partition {Partition}: the hub no longer has event {SequenceNumber}; continuing from its time, {Time:O}")]
    public static partial void PositionUnknown(ILogger logger, string hub, string partition, long sequenceNumber, DateTime time);

    [LoggerMessage(
        LogEventIds.Undecodable,
        LogLevel.Error,
        "{Hub}, partition {Partition}, event {SequenceNumber} of device {Device} cannot be read as AMQP, and is dead-lettered whole: "
            + "{Reason}")]
    public static partial void Undecodable(
        ILogger logger,
        string hub,
        string partition,
        long sequenceNumber,
        string? device,
        string reason);

    [LoggerMessage(LogEventIds.SendingAgain, LogLevel.Warning, "{Hub}: {Reason} Sending again in {Delay}")]
    public static partial void SendingAgain(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(
        LogEventIds.UndecodableStill,
        LogLevel.Debug,
        "{Hub}, partition {Partition}, event {SequenceNumber} of device {Device} cannot be read as AMQP either: {Reason}")]
    public static partial void UndecodableStill(
        ILogger logger,
        string hub,
        string partition,
        long sequenceNumber,
        string? device,
        string reason);
}
