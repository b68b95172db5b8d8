using System.Diagnostics;
using Ingest.Checkpoints;
using Ingest.Diagnostics;
using Ingest.Write;
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
    private readonly FlushReports _reports;
    private readonly TimeProvider _clock;
    private readonly ResiliencePipeline _retry;

    public FlushRunner(FlushTransaction transaction, WritePolicy policy, FlushReports reports, TimeProvider clock)
    {
        _transaction = transaction;
        _policy = policy;
        _reports = reports;
        _clock = clock;
        _streak = new RefusalStreak(clock);
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
                    _reports.Waits(args.Outcome.Exception!, args.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
    }

    public void Dispose() => _transaction.Dispose();

    /// <summary>Returns when every batch has its result or its exception.</summary>
    /// <param name="batches">The batches.</param>
    /// <param name="underWay">Told when an attempt first waits for the server to do its work, again in every attempt.</param>
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
                _reports.Abandoned(flush, exception);
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
                    _reports.Fail(flush, flush.Batches, exception);
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
        var triedByRow = false;
        Exception? suspect = null;
        flush.Refused.Clear();
        _reports.TriesAgain();
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
                        Complete(flush, lost);
                        _reports.LostAnswerFound();
                        return true;
                    }
                }

                switch (await _transaction.RunAsync(flush, way, flush.Abandoned))
                {
                    case Attempt.Committed committed:
                        Complete(flush, committed.Outcome);
                        return true;
                    case Attempt.Fenced now when fenced || flush.Unknown.Count == 0:
                        FailFenced(flush, now.Stored);
                        break;
                    case Attempt.Fenced:
                        // A commit whose answer was lost may have come through only now: ask for it once more.
                        fenced = true;
                        break;
                    case Attempt.Differs differs:
                        _reports.Fail(flush, differs.Batches, new DifferencesException(differs.Known, differs.Differing, _transaction.Table.Name));
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
                    case { MayBeOneRow: true } when !triedByRow:
                        triedByRow |= failure.MayBeOneRow;
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

                _reports.TriesAtOnce();
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

        void Complete(Flush done, FlushOutcome outcome)
        {
            _policy.Committed(way, outcome.Known);
            _streak.Committed(outcome.Batches.Sum(pair => pair.Accounts.Stored), done.Refused.Rows);
            _reports.Complete(done, outcome, way, _clock.GetElapsedTime(started), activity);
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
        var probe = await _transaction.ProbeAsync(flush, flush.Abandoned);
        var refused = probe.Refused;
        if (refused.Count == 0)
        {
            var failure = PostgresFailure.Of(because);
            throw new OperatorMistakeException(
                failure.Kind == FailureKind.OperatorMistake ? failure.Sentence : $"{failure.Sentence} No single row is refused by itself: look for constraints that are checked at COMMIT.",
                because)
            { SqlState = failure.SqlState };
        }

        if (_streak.Judge(probe, _transaction.Table.Columns) is { } mistake)
        {
            throw new OperatorMistakeException(mistake, because) { SqlState = refused[0].SqlState };
        }

        foreach (var row in refused)
        {
            flush.Refused.Add(row);
        }

        _reports.Refused(refused);
    }

    private void FailFenced(Flush flush, IReadOnlyDictionary<PartitionKey, StoredCheckpoint> stored)
    {
        var refused = CheckpointMoves.Refused(flush.Batches.Select(batch => batch.Checkpoint).OfType<Checkpoint>(), stored).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var batch in flush.Batches.Where(batch => batch.Checkpoint is { } move && refused.Contains(move)).ToArray())
        {
            _reports.Fail(flush, [batch], new CheckpointFencedException(batch.Checkpoint!, stored.GetValueOrDefault(batch.Checkpoint!.Partition)));
        }
    }
}
