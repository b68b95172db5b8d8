using Microsoft.Extensions.Logging;

namespace Ingest.Worker.Diagnostics;

/// <summary>What the worker says, 2000-2999, beside the sources.</summary>
internal static partial class WorkerLog
{
    [LoggerMessage(2004, LogLevel.Warning, "{Hub}, partition {Partition}: {Reason} Trying again")]
    public static partial void Reconnecting(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2005, LogLevel.Error, "{Hub}, partition {Partition}, needs operator action: {Reason} Trying again")]
    public static partial void NeedsOperator(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2007, LogLevel.Debug, "{Hub}, partition {Partition}: {Reason} Trying again, as before")]
    public static partial void ReconnectingStill(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2008, LogLevel.Information, "{Hub}, partition {Partition}, is being read again")]
    public static partial void ReadingAgain(ILogger logger, string hub, string partition);

    [LoggerMessage(
        2009, LogLevel.Information, "{Hub}, partition {Partition}: {Reason}. Claiming the partition and verifying its position again")]
    public static partial void Interrupted(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(
        2010,
        LogLevel.Information,
        "Worker {Name} reads {Hub} in consumer group {ConsumerGroup} and shares the partitions with the other workers there")]
    public static partial void Started(ILogger logger, string name, string hub, string consumerGroup);

    [LoggerMessage(
        2011, LogLevel.Information, "{Hub}, partition {Partition}: claimed with epoch {Epoch}, continuing after event {SequenceNumber}")]
    public static partial void PartitionClaimed(ILogger logger, string hub, string partition, long epoch, long? sequenceNumber);

    [LoggerMessage(
        2012,
        LogLevel.Error,
        "{Hub}, partition {Partition}: {Missed} messages are missing before event {SequenceNumber}: the hub dropped them before they "
            + "were read")]
    public static partial void Missed(ILogger logger, string hub, string partition, long missed, long sequenceNumber);

    [LoggerMessage(
        2013,
        LogLevel.Information,
        "{Hub}, partition {Partition}: another worker has claimed the partition, so this batch was not stored here: {Reason}")]
    public static partial void Fenced(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2014, LogLevel.Debug, "{Hub}: the lag of partition {Partition} is unknown: {Reason}")]
    public static partial void EndUnknown(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2015, LogLevel.Error, "{Hub} cannot be read; the worker is waiting: {Reason} Trying again in {Delay}")]
    public static partial void Unreachable(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(
        2016, LogLevel.Warning, "A partition of {Hub} cannot be claimed; the worker is waiting: {Reason} Trying again in {Delay}")]
    public static partial void NotClaimed(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(2017, LogLevel.Debug, "{Hub}: {Reason} Trying again in {Delay}, as before")]
    public static partial void WaitingStill(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(2018, LogLevel.Information, "{Hub}: the worker continues after waiting for {Outage}")]
    public static partial void GoingOn(ILogger logger, string hub, TimeSpan outage);

    [LoggerMessage(
        2024,
        LogLevel.Warning,
        "The owners of {Hub}'s partitions cannot be read; the worker keeps its partitions: {Reason} Trying again in {Delay}")]
    public static partial void OwnershipUnavailable(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(
        2022,
        LogLevel.Information,
        "Worker {Name} could not release its partitions; other workers take them over when its ownership expires: {Reason}")]
    public static partial void NotGivenUp(ILogger logger, string name, string reason);

    [LoggerMessage(2023, LogLevel.Debug, "{Hub}, partition {Partition}: the copy of its position could not be saved: {Reason}")]
    public static partial void NotCopied(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2025, LogLevel.Warning, "{What}")]
    public static partial void ActsOnReadings(ILogger logger, string what);
}
