using System.Diagnostics;
using Ingest.Checkpoints;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Failures;
using Microsoft.Extensions.Logging;

namespace Ingest.Write;

/// <summary>Tells callers, health, metrics and log how one writer's flushes go.</summary>
internal sealed class FlushReports(PipelineHealth health, PipelineMetrics metrics, TimeProvider clock, ILogger logger, int writer)
{
    // If the mapping lacks something, every message would log it.
    private static readonly TimeSpan IndistinctPause = TimeSpan.FromMinutes(10);

    private long? _toldIndistinct;

    /// <summary>Gives every batch its result.</summary>
    public void Complete(Flush flush, FlushAttempt.Committed committed, WriteMode mode, TimeSpan took, Activity? activity)
    {
        var outcome = committed.Outcome;
        var at = clock.GetUtcNow();
        try
        {
            Count(outcome, mode, took, at, activity);
        }
        finally
        {
            // It is committed: a failing metrics listener must not tell the caller otherwise.
            foreach (var (batch, counts) in outcome.Batches)
            {
                batch.Completion.TrySetResult(new BatchResult(counts, at) { Tried = outcome.TriedOf(batch) });
            }

            flush.Batches.Clear();
        }

        if (committed.AnswerWasLost)
        {
            PipelineLog.LostAnswerFound(logger);
        }
    }

    /// <summary>Fails batches of the flush, and takes them out of it.</summary>
    public void Fail(Flush flush, IReadOnlyList<FlushBatch> batches, Exception exception)
    {
        foreach (var batch in batches.ToArray())
        {
            if (exception is not CheckpointFencedException)
            {
                // A fenced batch now belongs to another worker; the caller logs that.
                PipelineLog.BatchFailed(logger, batch.Partition, exception.Message);
            }

            flush.Batches.Remove(batch);
            batch.Completion.TrySetException(exception);
        }
    }

    /// <summary>An attempt has failed, and the next comes after a delay.</summary>
    public void Waits(Exception exception, TimeSpan delay)
    {
        var failure = PostgresFailure.Of(exception);
        if (health.Waits(writer, failure))
        {
            PipelineLog.WaitingForDatabase(logger, failure.Sentence);
        }

        PipelineLog.TryingAgain(logger, writer, delay, failure.Sentence);
        metrics.Retried();
    }

    public void TriesAgain() => health.TriesAgain(writer);

    /// <summary>An attempt has failed, and the next comes at once.</summary>
    public void TriesAtOnce() => metrics.Retried();

    public void Refused(IReadOnlyList<RefusedRow> refused) =>
        PipelineLog.RowsRefused(logger, refused.Count, $"{refused[0].SqlState}: {refused[0].Message}");

    /// <summary>Ended by our own cancellation, or failed when no caller waited any more.</summary>
    public void Abandoned(Flush flush, Exception exception) => PipelineLog.Abandoned(logger, flush.Batches.Count, exception.Message);

    private void Count(FlushOutcome outcome, WriteMode mode, TimeSpan took, DateTimeOffset at, Activity? activity)
    {
        var total = default(ReadingCounts);
        foreach (var (batch, counts) in outcome.Batches)
        {
            total += counts;
            metrics.Committed(batch.Ready, at);
        }

        if (health.Works(writer) is { } outage)
        {
            PipelineLog.WorkingAgain(logger, outage);
        }

        metrics.Count(total, outcome.DeadLettered, outcome.Indistinct);
        if (outcome.Example is { } example && (_toldIndistinct is not { } told || clock.GetElapsedTime(told) > IndistinctPause))
        {
            _toldIndistinct = clock.GetTimestamp();
            PipelineLog.Indistinct(logger, example.Describe());
        }

        metrics.Flushed(total.Received, took);
        activity?.SetTag("ingest.readings", total.Received);
        activity?.SetTag("ingest.write.mode", mode == WriteMode.Optimistic ? "optimistic" : "compared");
    }
}
