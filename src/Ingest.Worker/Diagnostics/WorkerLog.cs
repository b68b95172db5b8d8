using Ingest.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ingest.Worker.Diagnostics;

/// <summary>What the worker says, 2000-2999, beside the sources.</summary>
internal static partial class WorkerLog
{
    [LoggerMessage(LogEventIds.Reconnecting, LogLevel.Warning, "{Hub}, partition {Partition}: {Reason} Trying again")]
    public static partial void Reconnecting(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(LogEventIds.NeedsOperator, LogLevel.Error, "{Hub}, partition {Partition}, needs operator action: {Reason} Trying again")]
    public static partial void NeedsOperator(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(LogEventIds.ReconnectingStill, LogLevel.Debug, "{Hub}, partition {Partition}: {Reason} Trying again, as before")]
    public static partial void ReconnectingStill(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(LogEventIds.ReadingAgain, LogLevel.Information, "{Hub}, partition {Partition}, is being read again")]
    public static partial void ReadingAgain(ILogger logger, string hub, string partition);

    [LoggerMessage(
        LogEventIds.Interrupted,
        LogLevel.Information,
        "{Hub}, partition {Partition}: {Reason}. Claiming the partition and verifying its position again")]
    public static partial void Interrupted(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(
        LogEventIds.WorkerStarted,
        LogLevel.Information,
        "Worker {Name} reads {Hub} in consumer group {ConsumerGroup} and shares the partitions with the other workers there")]
    public static partial void Started(ILogger logger, string name, string hub, string consumerGroup);

    [LoggerMessage(
        LogEventIds.PartitionClaimed,
        LogLevel.Information,
        "{Hub}, partition {Partition}: claimed with epoch {Epoch}, continuing after event {SequenceNumber}")]
    public static partial void PartitionClaimed(ILogger logger, string hub, string partition, long epoch, long? sequenceNumber);

    [LoggerMessage(
        LogEventIds.Missed,
        LogLevel.Error,
        "{Hub}, partition {Partition}: {Missed} messages are missing before event {SequenceNumber}: the hub dropped them before they "
            + "were read")]
    public static partial void Missed(ILogger logger, string hub, string partition, long missed, long sequenceNumber);

    [LoggerMessage(
        LogEventIds.Fenced,
        LogLevel.Information,
        "{Hub}, partition {Partition}: another worker has claimed the partition, so this batch was not stored here: {Reason}")]
    public static partial void Fenced(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(LogEventIds.EndUnknown, LogLevel.Debug, "{Hub}: the lag of partition {Partition} is unknown: {Reason}")]
    public static partial void EndUnknown(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(
        LogEventIds.Unreachable,
        LogLevel.Error,
        "{Hub} cannot be read; the worker is waiting: {Reason} Trying again in {Delay}")]
    public static partial void Unreachable(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(
        LogEventIds.NotClaimed,
        LogLevel.Warning,
        "A partition of {Hub} cannot be claimed; the worker is waiting: {Reason} Trying again in {Delay}")]
    public static partial void NotClaimed(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(LogEventIds.WaitingStill, LogLevel.Debug, "{Hub}: {Reason} Trying again in {Delay}, as before")]
    public static partial void WaitingStill(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(LogEventIds.GoingOn, LogLevel.Information, "{Hub}: the worker continues after waiting for {Outage}")]
    public static partial void GoingOn(ILogger logger, string hub, TimeSpan outage);

    [LoggerMessage(
        LogEventIds.OwnershipUnavailable,
        LogLevel.Warning,
        "The owners of {Hub}'s partitions cannot be read; the worker keeps its partitions: {Reason} Trying again in {Delay}")]
    public static partial void OwnershipUnavailable(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(
        LogEventIds.NotGivenUp,
        LogLevel.Information,
        "Worker {Name} could not release its partitions; other workers take them over when its ownership expires: {Reason}")]
    public static partial void NotGivenUp(ILogger logger, string name, string reason);

    [LoggerMessage(
        LogEventIds.NotCopied,
        LogLevel.Debug,
        "{Hub}, partition {Partition}: the copy of its position could not be saved: {Reason}")]
    public static partial void NotCopied(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(LogEventIds.ActsOnReadings, LogLevel.Warning, "{What}")]
    public static partial void ActsOnReadings(ILogger logger, string what);
}
