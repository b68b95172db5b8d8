using Microsoft.Extensions.Logging;

namespace Ingest.Diagnostics;

/// <summary>The pipeline's log messages. Ids are stable: 1000–1999.</summary>
internal static partial class Log
{
    [LoggerMessage(1001, LogLevel.Error, "Nothing can be stored, and the pipeline waits: {Failure}")]
    public static partial void WaitingForDatabase(ILogger logger, string failure);

    [LoggerMessage(1002, LogLevel.Information, "The database takes readings again, after {Outage}")]
    public static partial void WorkingAgain(ILogger logger, TimeSpan outage);

    [LoggerMessage(1003, LogLevel.Debug, "Writer {Writer} tries again in {Delay}: {Failure}")]
    public static partial void TryingAgain(ILogger logger, int writer, TimeSpan delay, string failure);

    [LoggerMessage(1004, LogLevel.Warning, "{Count} readings are refused by the database and dead-lettered; the first: {Detail}")]
    public static partial void RowsRefused(ILogger logger, int count, string detail);

    [LoggerMessage(1005, LogLevel.Debug, "The answer of a COMMIT was lost; it had arrived")]
    public static partial void LostAnswerFound(ILogger logger);

    [LoggerMessage(1006, LogLevel.Information, "{Count} dead letters past their retention deleted")]
    public static partial void DeadLettersDeleted(ILogger logger, long count);

    [LoggerMessage(1007, LogLevel.Warning, "Dead letters past their retention could not be deleted, and will be tried again: {Failure}")]
    public static partial void DeadLettersNotDeleted(ILogger logger, string failure);

    [LoggerMessage(1008, LogLevel.Error, "A batch of partition {Partition} has failed: {Failure}")]
    public static partial void BatchFailed(ILogger logger, string partition, string failure);

    [LoggerMessage(1009, LogLevel.Warning, "A flush of {Batches} batches was abandoned, as nobody waits for it any more; its last failure: {Failure}")]
    public static partial void Abandoned(ILogger logger, int batches, string failure);

    [LoggerMessage(1010, LogLevel.Critical, "A writer has ended by a defect; its partitions are not stored any more")]
    public static partial void WriterEnded(ILogger logger, Exception defect);
}
