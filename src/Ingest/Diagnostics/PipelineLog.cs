using Microsoft.Extensions.Logging;

namespace Ingest.Diagnostics;

/// <summary>The pipeline's log messages. Ids are stable: 1000–1999.</summary>
internal static partial class PipelineLog
{
    [LoggerMessage(LogEventIds.WaitingForDatabase, LogLevel.Error, "Nothing can be stored; the pipeline is waiting: {Failure}")]
    public static partial void WaitingForDatabase(ILogger logger, string failure);

    [LoggerMessage(LogEventIds.WorkingAgain, LogLevel.Information, "Readings are stored again after {Outage}")]
    public static partial void WorkingAgain(ILogger logger, TimeSpan outage);

    [LoggerMessage(LogEventIds.TryingAgain, LogLevel.Debug, "Writer {Writer} tries again in {Delay}: {Failure}")]
    public static partial void TryingAgain(ILogger logger, int writer, TimeSpan delay, string failure);

    [LoggerMessage(
        LogEventIds.RowsRefused,
        LogLevel.Warning,
        "The database refused {Count} readings, which are dead-lettered; the first: {Detail}")]
    public static partial void RowsRefused(ILogger logger, int count, string detail);

    [LoggerMessage(LogEventIds.LostAnswerFound, LogLevel.Debug, "The connection failed during COMMIT, but the commit had succeeded")]
    public static partial void LostAnswerFound(ILogger logger);

    [LoggerMessage(LogEventIds.DeadLettersDeleted, LogLevel.Information, "Deleted {Count} expired dead letters")]
    public static partial void DeadLettersDeleted(ILogger logger, long count);

    [LoggerMessage(
        LogEventIds.DeadLettersNotDeleted,
        LogLevel.Warning,
        "Expired dead letters could not be deleted; this will be tried again: {Failure}")]
    public static partial void DeadLettersNotDeleted(ILogger logger, string failure);

    [LoggerMessage(LogEventIds.ReadingsDropped, LogLevel.Information, "Dropped {Count} expired chunks or partitions of readings")]
    public static partial void ReadingsDropped(ILogger logger, int count);

    [LoggerMessage(
        LogEventIds.ReadingsNotDropped,
        LogLevel.Warning,
        "Expired readings could not be dropped; this will be tried again: {Failure}")]
    public static partial void ReadingsNotDropped(ILogger logger, string failure);

    [LoggerMessage(
        LogEventIds.PipelineStarted,
        LogLevel.Information,
        "Readings go to {Table}, and are told apart by time, device and {Columns}: what is not mapped tells none apart")]
    public static partial void Started(ILogger logger, string table, string columns);

    [LoggerMessage(
        LogEventIds.Indistinct,
        LogLevel.Warning,
        "Different messages are one row, because nothing that tells them apart is mapped: {Messages}")]
    public static partial void Indistinct(ILogger logger, string messages);

    [LoggerMessage(LogEventIds.BatchFailed, LogLevel.Error, "A batch of partition {Partition} has failed: {Failure}")]
    public static partial void BatchFailed(ILogger logger, string partition, string failure);

    [LoggerMessage(
        LogEventIds.Abandoned,
        LogLevel.Warning,
        "A flush of {Batches} batches was abandoned because all of its callers have cancelled; the last failure was: {Failure}")]
    public static partial void Abandoned(ILogger logger, int batches, string failure);

    [LoggerMessage(
        LogEventIds.WriterEnded,
        LogLevel.Critical,
        "A writer has stopped because of a bug; its partitions are no longer stored")]
    public static partial void WriterEnded(ILogger logger, Exception defect);
}
