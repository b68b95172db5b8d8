using Microsoft.Extensions.Logging;

namespace Ingest.Sources.Diagnostics;

/// <summary>What the sources say, 2000-2999.</summary>
internal static partial class SourcesLog
{
    [LoggerMessage(2000, LogLevel.Information, "Connected to {Hub}, TLS {Tls}")]
    public static partial void Connected(ILogger logger, string hub, bool tls);

    [LoggerMessage(2001, LogLevel.Debug, "Token for {Hub} renewed, valid until {ExpiresAt}")]
    public static partial void TokenRenewed(ILogger logger, string hub, DateTimeOffset expiresAt);

    [LoggerMessage(2002, LogLevel.Warning, "Token for {Hub} could not be renewed, connecting anew: {Reason}")]
    public static partial void TokenNotRenewed(ILogger logger, string hub, string reason);

    [LoggerMessage(2003, LogLevel.Debug, "Reading {Hub}, consumer group {ConsumerGroup}, partition {Partition}")]
    public static partial void Attached(ILogger logger, string hub, string consumerGroup, string partition);

    [LoggerMessage(2004, LogLevel.Warning, "{Hub}, partition {Partition}: {Reason} Trying again in {Delay}")]
    public static partial void Reconnecting(ILogger logger, string hub, string partition, string reason, TimeSpan delay);

    [LoggerMessage(2005, LogLevel.Error, "{Hub}, partition {Partition}, needs somebody: {Reason} Trying again in {Delay}")]
    public static partial void NeedsOperator(ILogger logger, string hub, string partition, string reason, TimeSpan delay);

    [LoggerMessage(2006, LogLevel.Warning, "{Hub}, partition {Partition}: the hub no longer knows event {SequenceNumber}; reading on from its time, {Time:O}")]
    public static partial void PositionUnknown(ILogger logger, string hub, string partition, long sequenceNumber, DateTime time);

    [LoggerMessage(2007, LogLevel.Debug, "{Hub}, partition {Partition}: {Reason} Trying again in {Delay}, as before")]
    public static partial void ReconnectingStill(ILogger logger, string hub, string partition, string reason, TimeSpan delay);

    [LoggerMessage(2008, LogLevel.Information, "{Hub}, partition {Partition}, is being read again")]
    public static partial void ReadingAgain(ILogger logger, string hub, string partition);

    [LoggerMessage(2010, LogLevel.Information, "Worker owns {Partitions} partitions of {Hub} for consumer group {ConsumerGroup}")]
    public static partial void Claimed(ILogger logger, string hub, string consumerGroup, int partitions);

    [LoggerMessage(2011, LogLevel.Information, "{Hub}, partition {Partition}: epoch {Epoch}, going on after event {SequenceNumber}")]
    public static partial void PartitionClaimed(ILogger logger, string hub, string partition, long epoch, long? sequenceNumber);

    [LoggerMessage(2012, LogLevel.Error, "{Hub}, partition {Partition}: {Missed} messages are missing before event {SequenceNumber}: the hub dropped them before they were read")]
    public static partial void Missed(ILogger logger, string hub, string partition, long missed, long sequenceNumber);

    [LoggerMessage(2013, LogLevel.Warning, "{Hub}, partition {Partition}: another worker has taken over: {Reason}")]
    public static partial void OwnershipLost(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2014, LogLevel.Debug, "{Hub}: the end of partition {Partition} is not known: {Reason}")]
    public static partial void EndUnknown(ILogger logger, string hub, string partition, string reason);

    [LoggerMessage(2015, LogLevel.Error, "{Hub} cannot be read, and the worker waits: {Reason} Trying again in {Delay}")]
    public static partial void Unreachable(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(2016, LogLevel.Warning, "The partitions of {Hub} cannot be claimed, and the worker waits: {Reason} Trying again in {Delay}")]
    public static partial void NotClaimed(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(2017, LogLevel.Debug, "{Hub}: {Reason} Trying again in {Delay}, as before")]
    public static partial void WaitingStill(ILogger logger, string hub, string reason, TimeSpan delay);

    [LoggerMessage(2018, LogLevel.Information, "{Hub}: what the worker waited for is there, after {Outage}")]
    public static partial void GoingOn(ILogger logger, string hub, TimeSpan outage);

    [LoggerMessage(2020, LogLevel.Warning, "{Hub}: {Reason} Sending again in {Delay}")]
    public static partial void SendingAgain(ILogger logger, string hub, string reason, TimeSpan delay);
}
