using Ingest.DeadLetters;
using Ingest.Diagnostics;
using Ingest.Failures;
using Microsoft.Extensions.Logging;

namespace Ingest.Write;

/// <summary>
/// Removes what is past its retention: dead letters, and whole chunks or partitions of readings. A failure is logged and tried again.
/// </summary>
internal sealed class ExpiryCleaner(DeadLetterRetention deadLetters, ReadingRetention readings, ILogger logger)
{
    /// <returns>Whether to continue at once: one step between two flushes, so that a flush does not wait for all of it.</returns>
    public async Task<bool> CleanAsync(CancellationToken stop)
    {
        try
        {
            var (deleted, more) = await deadLetters.CleanAsync(stop);
            if (deleted > 0)
            {
                PipelineLog.DeadLettersDeleted(logger, deleted);
            }

            if (more)
            {
                return true;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception exception)
        {
            PipelineLog.DeadLettersNotDeleted(logger, PostgresFailure.Of(exception).Sentence);
        }

        try
        {
            if (await readings.DropAsync(stop) is > 0 and var dropped)
            {
                PipelineLog.ReadingsDropped(logger, dropped);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The writer ends.
        }
        catch (Exception exception)
        {
            PipelineLog.ReadingsNotDropped(logger, PostgresFailure.Of(exception).Sentence);
        }

        return false;
    }
}
