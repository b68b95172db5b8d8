using System.Diagnostics;
using Ingest.Checkpoints;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Write;
using Microsoft.Extensions.Logging;
using Npgsql;
using Polly;
using Polly.Retry;

namespace Ingest.GroupCommit;

/// <summary>
/// Brings a flush to its end whatever the database says: conflicts are compared, poison is found, what concerns one batch fails that batch
/// alone, and an outage or an operator's mistake is waited out. One writer's.
/// </summary>
internal sealed class FlushRunner : IDisposable
{
    private const int MostAttemptsAtOnce = 20;

    private readonly FlushTransaction _transaction;
    private readonly WritePolicy _policy;
    private readonly RefusalStreak _streak;
    private readonly PipelineHealth _health;
    private readonly PipelineMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly int _writer;
    private readonly ResiliencePipeline _retry;

    public FlushRunner(
        FlushTransaction transaction, WritePolicy policy, RefusalStreak streak, PipelineHealth health, PipelineMetrics metrics, TimeProvider clock, ILogger logger, int writer)
    {
        _transaction = transaction;
        _policy = policy;
        _streak = streak;
        _health = health;
        _metrics = metrics;
        _clock = clock;
        _logger = logger;
        _writer = writer;
        _retry = new ResiliencePipelineBuilder { TimeProvider = clock }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = args => ValueTask.FromResult(
                    args.Outcome.Exception is { } exception
                    && !args.Context.CancellationToken.IsCancellationRequested
                    && PostgresFailure.Of(exception).Kind != FailureKind.Defect),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(200),
                MaxDelay = TimeSpan.FromSeconds(30),
                OnRetry = args =>
                {
                    Waits(args.Outcome.Exception!, args.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
    }

    public void Dispose() => _transaction.Dispose();

    /// <summary>Returns when every batch has its result or its exception.</summary>
    /// <param name="batches">The batches.</param>
    /// <param name="underWay">Told when only the server has to work, again in every attempt.</param>
    /// <param name="stop">Abandons them.</param>
    public async Task RunAsync(IReadOnlyList<PendingBatch> batches, Action underWay, CancellationToken stop)
    {
        var waiting = new Stack<Flush>([new Flush(batches, underWay, stop)]);
        while (waiting.TryPop(out var next))
        {
            using var flush = next;
            try
            {
                if (!await _retry.ExecuteAsync(async _ => await AttemptAsync(flush), flush.Abandoned))
                {
                    flush.Resume();
                    Halve(flush, waiting, underWay, stop);
                }
            }
            catch (OperationCanceledException) when (flush.Abandoned.IsCancellationRequested)
            {
                CancelAll(flush, stop);
            }
            catch (Exception exception) when (flush.Abandoned.IsCancellationRequested)
            {
                // Broken by our own cancellation, or failed while nobody waited any more.
                Log.Abandoned(_logger, flush.Batches.Count, exception.Message);
                CancelAll(flush, stop);
            }
            catch (Exception exception)
            {
                // No failure of the database, so a defect that one batch brings out: it must not take its neighbours with it.
                flush.Resume();
                if (flush.Batches.Count > 1)
                {
                    Halve(flush, waiting, underWay, stop);
                }
                else
                {
                    Fail(flush, flush.Batches, exception);
                }
            }
        }
    }

    // Both halves are paused until their turn comes, so that a caller that cancels is let go at once.
    private static void Halve(Flush flush, Stack<Flush> waiting, Action underWay, CancellationToken stop)
    {
        var middle = flush.Batches.Count / 2;
        foreach (var half in new[] { flush.Batches[middle..], flush.Batches[..middle] })
        {
            var next = new Flush(half, underWay, stop);
            next.Pause();
            waiting.Push(next);
        }
    }

    private static void CancelAll(Flush flush, CancellationToken stop)
    {
        flush.Resume();
        foreach (var batch in flush.Batches)
        {
            batch.Completion.TrySetCanceled(batch.CancellationToken.IsCancellationRequested ? batch.CancellationToken : stop);
        }

        flush.Batches.Clear();
    }

    private async Task<bool> AttemptAsync(Flush flush)
    {
        flush.Resume();
        try
        {
            return await TryAsync(flush);
        }
        finally
        {
            flush.Pause();
        }
    }

    /// <returns>False where the flush is to be halved.</returns>
    private async Task<bool> TryAsync(Flush flush)
    {
        using var activity = PipelineMetrics.Activities.StartActivity("flush", ActivityKind.Client);
        var started = _clock.GetTimestamp();
        var way = _policy.Next;
        int? conflictingPlan = null;
        var fenced = false;
        Exception? suspect = null;
        flush.Refused.Clear();
        _health.TriesAgain(_writer);
        for (var attempt = 0; ; attempt++)
        {
            if (attempt > MostAttemptsAtOnce)
            {
                throw new DatabaseBusyException("The flush lost against other writers again and again. Look for another program that writes the same readings.");
            }

            flush.DropCancelled();
            if (flush.Batches.Count == 0)
            {
                return true;
            }

            try
            {
                if (suspect is { } because)
                {
                    suspect = null;
                    await FindPoisonAsync(flush, because);
                }

                if (flush.Unknown.Count > 0)
                {
                    way = WriteWay.Compared;
                    if (await _transaction.ResolveAsync(flush, flush.Abandoned) is { } lost)
                    {
                        Complete(flush, lost, way, started, activity);
                        Log.LostAnswerFound(_logger);
                        return true;
                    }
                }

                switch (await _transaction.RunAsync(flush, way, flush.Abandoned))
                {
                    case Attempt.Committed committed:
                        Complete(flush, committed.Outcome, way, started, activity);
                        return true;
                    case Attempt.Fenced now when fenced || flush.Unknown.Count == 0:
                        FailFenced(flush, now.Stored);
                        break;
                    case Attempt.Fenced:
                        // A commit whose answer was lost may have come through only now: ask for it once more.
                        fenced = true;
                        break;
                    case Attempt.Differs differs:
                        Fail(flush, differs.Batches, new DifferencesException(differs.Known, differs.Differing, _transaction.Table.Name));
                        break;
                    case Attempt.Conflict:
                        Conflicted("A row was there that had not been read.");
                        break;
                }
            }
            catch (PostgresException exception)
            {
                var failure = PostgresFailure.Of(exception);
                switch (failure)
                {
                    case { Kind: FailureKind.Conflict }:
                        Conflicted(failure.Sentence);
                        break;
                    case { Kind: FailureKind.Poison }:
                        way = WriteWay.Compared;
                        suspect = exception;
                        break;
                    case { Kind: FailureKind.RetryAtOnce }:
                        break;
                    case { IsDecompressionLimit: true } when !flush.LiftDecompressionLimit:
                        flush.LiftDecompressionLimit = true;
                        break;
                    case { Kind: FailureKind.TooSlow } when flush.Unknown.Count == 0:
                        if (TooSlow(flush))
                        {
                            return false;
                        }

                        throw;
                    default:
                        throw;
                }

                _metrics.Retried();
            }
            catch (Exception exception) when (flush.Unknown.Count == 0 && PostgresFailure.Of(exception).Kind == FailureKind.TooSlow)
            {
                if (TooSlow(flush))
                {
                    return false;
                }

                throw;
            }
        }

        void Conflicted(string what)
        {
            if (way == WriteWay.Optimistic)
            {
                _policy.Conflicted();
                way = WriteWay.Compared;
            }
            else if (conflictingPlan == _transaction.LastPlan)
            {
                suspect = new OperatorMistakeException(
                    $"{what} Reading again does not explain it: look for a second unique index on the table, and for triggers or rules that swallow rows.");
            }
            else
            {
                conflictingPlan = _transaction.LastPlan;
            }
        }
    }

    /// <returns>Whether the flush can be halved by its batches; otherwise its statements are.</returns>
    private static bool TooSlow(Flush flush)
    {
        if (flush.Batches.Count > 1)
        {
            return true;
        }

        flush.StatementRows = Math.Max(Flush.FewestStatementRows, Math.Min(flush.StatementRows, flush.Rows) / 2);
        return false;
    }

    private async Task FindPoisonAsync(Flush flush, Exception because)
    {
        var (tried, refused) = await _transaction.ProbeAsync(flush, flush.Abandoned);
        if (refused.Count == 0)
        {
            throw new OperatorMistakeException(
                because is OperatorMistakeException ? because.Message : $"{PostgresFailure.Of(because).Sentence} No single row is refused by itself: look for constraints that are checked at COMMIT.",
                because);
        }

        if (_streak.Judge(tried, refused, _transaction.Table.Columns) is { } mistake)
        {
            throw new OperatorMistakeException(mistake, because) { SqlState = refused[0].SqlState };
        }

        foreach (var row in refused)
        {
            flush.Refused.Add(row);
        }

        Log.RowsRefused(_logger, refused.Count, $"{refused[0].SqlState}: {refused[0].Message}");
    }

    private void Complete(Flush flush, FlushOutcome outcome, WriteWay way, long started, Activity? activity)
    {
        var at = _clock.GetUtcNow();
        try
        {
            Report(flush, outcome, way, started, at, activity);
        }
        finally
        {
            // It is committed: no failure of a metrics listener may make a caller believe otherwise.
            foreach (var (batch, accounts) in outcome.Batches)
            {
                batch.Completion.TrySetResult(new BatchResult(accounts, at));
            }

            flush.Batches.Clear();
        }
    }

    private void Report(Flush flush, FlushOutcome outcome, WriteWay way, long started, DateTimeOffset at, Activity? activity)
    {
        var total = default(Accounts);
        foreach (var (batch, accounts) in outcome.Batches)
        {
            total += accounts;
            _metrics.Committed(batch.Ready.Events, at);
        }

        _policy.Committed(way, outcome.Known);
        _streak.Committed(total.Stored, flush.Refused.Codes);
        Recovered();
        _metrics.Count(total, outcome.DeadLettered);
        _metrics.Flushed(total.Received, _clock.GetElapsedTime(started));
        activity?.SetTag("ingest.readings", total.Received);
        activity?.SetTag("ingest.way", way == WriteWay.Optimistic ? "optimistic" : "compared");
    }

    private void FailFenced(Flush flush, IReadOnlyDictionary<PartitionKey, StoredCheckpoint> stored)
    {
        var refused = CheckpointMoves.Refused(flush.Batches.Select(batch => batch.Checkpoint).OfType<Checkpoint>(), stored).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var batch in flush.Batches.Where(batch => batch.Checkpoint is { } move && refused.Contains(move)).ToArray())
        {
            Fail(flush, [batch], new CheckpointFencedException(batch.Checkpoint!, stored.GetValueOrDefault(batch.Checkpoint!.Partition)));
        }
    }

    private void Fail(Flush flush, IReadOnlyList<PendingBatch> batches, Exception exception)
    {
        foreach (var batch in batches.ToArray())
        {
            Log.BatchFailed(_logger, batch.Partition, exception.Message);
            flush.Batches.Remove(batch);
            batch.Completion.TrySetException(exception);
        }
    }

    private void Waits(Exception exception, TimeSpan delay)
    {
        var failure = PostgresFailure.Of(exception);
        if (_health.Waits(_writer, failure))
        {
            Log.WaitingForDatabase(_logger, failure.Sentence);
        }

        Log.TryingAgain(_logger, _writer, delay, failure.Sentence);
        _metrics.Retried();
    }

    private void Recovered()
    {
        if (_health.Works(_writer) is { } outage)
        {
            Log.WorkingAgain(_logger, outage);
        }
    }
}
