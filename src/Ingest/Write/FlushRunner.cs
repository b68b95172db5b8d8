using Ingest.Failures;
using Polly;

namespace Ingest.Write;

/// <summary>
/// Repeats a flush until each of its batches has a result. It waits during an outage or an operator's mistake. A flush that takes too long,
/// or that fails because of a bug, is halved, so that a problem of one batch fails only that batch. Used by one writer.
/// </summary>
internal sealed class FlushRunner : IDisposable
{
    private readonly FlushTransaction _transaction;
    private readonly FlushReports _reports;
    private readonly FlushAttempts _attempts;
    private readonly ResiliencePipeline _retry;

    public FlushRunner(FlushTransaction transaction, WriteModeSelector modes, FlushReports reports, TimeProvider clock)
    {
        _transaction = transaction;
        _reports = reports;
        _attempts = new FlushAttempts(transaction, modes, reports, clock);
        _retry = DatabaseRetry.Create(clock, static exception => PostgresFailure.Of(exception).Kind != FailureKind.Defect, reports.Waits);
    }

    public void Dispose() => _transaction.Dispose();

    /// <summary>Returns when every batch has its result or its exception.</summary>
    /// <param name="batches">The batches.</param>
    /// <param name="underWay">Told when an attempt first waits for the server to do its work, again in every attempt.</param>
    /// <param name="stop">Abandons them.</param>
    public async Task RunAsync(IReadOnlyList<FlushBatch> batches, Action underWay, CancellationToken stop)
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
                // Ended by our own cancellation, or failed when no caller waited any more.
                _reports.Abandoned(flush, exception);
                CancelAll(flush, stop);
            }
            catch (Exception exception)
            {
                // Not a failure of the database, so probably a bug triggered by one batch: it must not fail the other batches.
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

    // Both halves are paused until their turn comes, so that a caller that cancels is released at once.
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
            return await _attempts.RunAsync(flush);
        }
        finally
        {
            flush.Pause();
        }
    }
}
