using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Ingest.Checkpoints;
using Ingest.Diagnostics;
using Ingest.Failures;

namespace Ingest.Write;

/// <summary>
/// Repeats attempts at a flush without a delay, as long as the next one can avoid what stopped the last one: after a conflict it compares,
/// rows that are refused are found and dead-lettered, a batch that is fenced or differs from stored rows fails alone. Used by one writer.
/// </summary>
internal sealed class FlushAttempts(FlushTransaction transaction, WriteModeSelector modes, FlushReports reports, TimeProvider clock)
{
    private readonly SystematicRefusalDetector _refusals = new(clock);

    /// <summary>Repeats attempts until the flush is committed, or is stopped by an outage or an operator's mistake.</summary>
    /// <returns>False if the flush must be halved, because as a whole it takes too long.</returns>
    /// <exception cref="Exception">An outage, an operator's mistake, or a bug.</exception>
    public async Task<bool> RunAsync(Flush flush)
    {
        using var activity = PipelineMetrics.Activities.StartActivity("flush", ActivityKind.Client);
        var started = clock.GetTimestamp();
        var state = new State { Mode = modes.Next };
        flush.History.Refused.Clear();
        reports.TriesAgain();
        for (var attempt = 0; attempt <= DatabaseRetry.MostAttemptsAtOnce; attempt++)
        {
            flush.DropCancelled();
            if (flush.Batches.Count == 0)
            {
                return true;
            }

            var ended = await AttemptAsync(flush, state);

            // Including that of the COMMIT just tried.
            var answerIsMissing = flush.History.Unknown.Count > 0;
            switch (ended)
            {
                case FlushAttempt.Committed committed:
                    modes.Committed(state.Mode, committed.Outcome.Known);
                    if (!flush.HasRetrials)
                    {
                        _refusals.Committed(committed.Outcome.Batches.Sum(pair => pair.Counts.Stored), flush.History.Refused.Rows);
                    }

                    reports.Complete(flush, committed, state.Mode, clock.GetElapsedTime(started), activity);
                    return true;

                case FlushAttempt.Conflict conflict:
                    Conflicted(conflict.What, state);
                    reports.TriesAtOnce();
                    break;

                case FlushAttempt.LostRace:
                    reports.TriesAtOnce();
                    break;

                case FlushAttempt.Fenced when answerIsMissing && !state.AskedOnceMore:
                    // A COMMIT whose answer was lost may have succeeded only now.
                    state.AskedOnceMore = true;
                    break;

                case FlushAttempt.Fenced fenced:
                    FailFenced(flush, fenced.Stored);
                    break;

                case FlushAttempt.Differs differs:
                    reports.Fail(
                        flush,
                        differs.Batches,
                        new StoredValuesMismatchException(differs.Known, differs.Differing, transaction.Table.Name));
                    break;

                case FlushAttempt.Refused refused when !refused.MayBeAnyRow || !state.TriedByRow:
                    state.TriedByRow |= refused.MayBeAnyRow;
                    state.Mode = WriteMode.Compared;
                    state.Suspect = refused.Because;
                    reports.TriesAtOnce();
                    break;

                case FlushAttempt.DecompressionLimit when !flush.History.LiftDecompressionLimit:
                    flush.History.LiftDecompressionLimit = true;
                    reports.TriesAtOnce();
                    break;

                case FlushAttempt.TooSlow when !answerIsMissing && flush.Batches.Count > 1:
                    return false;

                case FlushAttempt.Failed failed:
                    if (failed is FlushAttempt.TooSlow && !answerIsMissing)
                    {
                        flush.History.HalveStatements(flush.Rows);
                    }

                    ExceptionDispatchInfo.Throw(failed.Because);
                    break;
            }
        }

        throw new DatabaseBusyException(
            "The flush repeatedly conflicted with other writers. Look for another program that writes the same readings.");
    }

    private async Task<FlushAttempt> AttemptAsync(Flush flush, State state)
    {
        try
        {
            if (state.Suspect is { } because)
            {
                state.Suspect = null;
                await FindPoisonAsync(flush, because);
            }

            if (flush.History.Unknown.Count > 0)
            {
                state.Mode = WriteMode.Compared;
                if (await transaction.ResolveAsync(flush, flush.Abandoned) is { } outcome)
                {
                    return new FlushAttempt.Committed(outcome, AnswerWasLost: true);
                }
            }

            return await transaction.RunAsync(flush, state.Mode, flush.Abandoned);
        }
        catch (Exception exception) when (FlushAttempt.Of(exception) is { } attempt)
        {
            return attempt;
        }
    }

    private void Conflicted(string what, State state)
    {
        if (state.Mode == WriteMode.Optimistic)
        {
            modes.Conflicted();
            state.Mode = WriteMode.Compared;
        }
        else if (state.ConflictingPlan == transaction.LastPlanHash)
        {
            state.Suspect = new OperatorMistakeException(
                $"{what} Reading again does not explain it: look for a second unique index on the table, and for triggers or rules that "
                    + "swallow rows.");
        }
        else
        {
            state.ConflictingPlan = transaction.LastPlanHash;
        }
    }

    private async Task FindPoisonAsync(Flush flush, Exception because)
    {
        var probe = await transaction.ProbeAsync(flush, flush.Abandoned);
        var refused = probe.Refused;
        if (refused.Count == 0)
        {
            var failure = PostgresFailure.Of(because);
            throw new OperatorMistakeException(
                failure.Kind == FailureKind.OperatorMistake
                    ? failure.Sentence
                    : $"{failure.Sentence} No single row is refused by itself: look for constraints that are checked at COMMIT.",
                because)
            { SqlState = failure.SqlState };
        }

        // Of dead letters nothing is lost where they stay: that all are refused once more stops nobody.
        if (!flush.HasRetrials && _refusals.Judge(probe, transaction.Table.Columns) is { } mistake)
        {
            throw new OperatorMistakeException(mistake, because) { SqlState = refused[0].SqlState };
        }

        foreach (var row in refused)
        {
            flush.History.Refused.Add(row);
        }

        reports.Refused(refused);
    }

    private void FailFenced(Flush flush, IReadOnlyDictionary<PartitionKey, StoredCheckpoint> stored)
    {
        var refused = CheckpointMoves.Refused(flush.Batches.Select(batch => batch.Checkpoint).OfType<Checkpoint>(), stored)
            .ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var batch in flush.Batches.Where(batch => batch.Checkpoint is { } move && refused.Contains(move)).ToArray())
        {
            reports.Fail(
                flush, [batch], new CheckpointFencedException(batch.Checkpoint!, stored.GetValueOrDefault(batch.Checkpoint!.Partition)));
        }
    }

    /// <summary>What an attempt has to know about the ones before it.</summary>
    private sealed class State
    {
        public required WriteMode Mode { get; set; }

        /// <summary>What <see cref="FlushTransaction.LastPlanHash"/> was when comparing first met a conflict.</summary>
        public int? ConflictingPlan { get; set; }

        /// <summary>Whether a COMMIT whose answer was lost has been looked up again.</summary>
        public bool AskedOnceMore { get; set; }

        /// <summary>Whether the rows have been tried one by one, for a code that could concern any row.</summary>
        public bool TriedByRow { get; set; }

        /// <summary>A refusal whose rows are to be found before the next attempt.</summary>
        public Exception? Suspect { get; set; }
    }
}
