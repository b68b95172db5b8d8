using Ingest.Checkpoints;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Write;
using Microsoft.Extensions.Logging;

namespace Ingest.GroupCommit;

/// <summary>
/// Merges the batches of many partitions and callers into few transactions, and divides one that is too much for a transaction. One or more
/// writers, each with a queue of its own; a partition always goes to the same one, so its order is kept.
/// </summary>
internal sealed class GroupCommitter : IAsyncDisposable
{
    // Room for the flush that is next while one is under way.
    private const int FlushesQueued = 2;

    // Early, because a worker may be restarted every few minutes.
    private static readonly TimeSpan CleanFirst = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan CleanEvery = TimeSpan.FromHours(1);

    private readonly BatchQueue[] _queues;
    private readonly Task[] _writers;
    private readonly CancellationTokenSource _stop = new();
    private readonly TimeProvider _clock;
    private readonly TimeSpan _giveUpAfter;
    private readonly PipelineHealth _health;
    private readonly ExpiryCleaner _cleaner;
    private readonly ILogger _logger;
    private int _batches;
    private long _events;

    public GroupCommitter(
        CommitSettings settings,
        Func<int, FlushRunner> runner,
        ExpiryCleaner cleaner,
        PipelineHealth health,
        TimeProvider clock,
        ILogger logger)
    {
        _clock = clock;
        _health = health;
        _cleaner = cleaner;
        _logger = logger;
        _giveUpAfter = TimeSpan.FromSeconds(settings.GiveUpAfterSeconds);
        _queues = [.. Enumerable.Range(0, settings.Writers).Select(_ => new BatchQueue(
            new FlushPolicy(settings.MaxRows, settings.MaxBytes, TimeSpan.FromMilliseconds(settings.MaxDelayMilliseconds)),
            settings.MaxRows * FlushesQueued,
            (long)settings.MaxBytes * FlushesQueued,
            clock))];
        health.WatchQueue(() => (Volatile.Read(ref _batches), Interlocked.Read(ref _events)));
        _writers = [.. _queues.Select((queue, index) => Task.Run(() => RunWriterAsync(queue, runner(index), cleans: index == 0)))];
    }

    /// <summary>Takes a place for a batch, behind all that its partition has handed over before.</summary>
    /// <param name="events">The messages.</param>
    /// <param name="checkpoint">The move to store with them; null where the caller keeps its place itself.</param>
    /// <param name="cancellationToken">Abandons the batch.</param>
    public Reservation Reserve(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        var giveUp = new GiveUpTimer(_giveUpAfter, _clock, () => _health.Read().LastError, cancellationToken);
        var batch = new PendingBatch(events, checkpoint, _clock.GetTimestamp(), giveUp.Token);
        var queue = QueueOf(batch);
        try
        {
            queue.Add(batch);
        }
        catch
        {
            giveUp.Dispose();
            throw;
        }

        // Until they are durable, even while they are in a flush that keeps failing.
        Interlocked.Increment(ref _batches);
        Interlocked.Add(ref _events, events.Count);
        return new Reservation(batch, queue, giveUp, Release);

        void Release()
        {
            Interlocked.Decrement(ref _batches);
            Interlocked.Add(ref _events, -events.Count);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
        _stop.Dispose();
    }

    private BatchQueue QueueOf(PendingBatch batch) =>
        _queues.Length == 1
            ? _queues[0]
            : _queues[(uint)string.GetHashCode(batch.Partition, StringComparison.Ordinal) % (uint)_queues.Length];

    private async Task RunWriterAsync(BatchQueue queue, FlushRunner runner, bool cleans)
    {
        Exception? defect = null;
        try
        {
            await WriteAsync(queue, runner, cleans);
        }
        catch (Exception exception)
        {
            // Every waiting caller must be told: nobody will write their batches any more.
            PipelineLog.WriterEnded(_logger, exception);
            defect = exception;
        }

        runner.Dispose();
        foreach (var left in queue.Close())
        {
            Exception end = defect ?? new OperationCanceledException(_stop.Token);
            left.Admission.TrySetException(end);
            left.Completion.TrySetException(end);
        }
    }

    private async Task WriteAsync(BatchQueue queue, FlushRunner runner, bool cleans)
    {
        var (cleaned, cleansAfter) = (_clock.GetTimestamp(), CleanFirst);
        while (!_stop.IsCancellationRequested)
        {
            var (batches, wait) = queue.Take();
            if (batches.Count > 0)
            {
                try
                {
                    await runner.RunAsync(batches, queue.WriterWaits, _stop.Token);
                }
                finally
                {
                    queue.WriterWaits();
                }
            }

            if (cleans && _clock.GetElapsedTime(cleaned) >= cleansAfter)
            {
                cleansAfter = await _cleaner.CleanAsync(_stop.Token) ? TimeSpan.Zero : CleanEvery;
                cleaned = _clock.GetTimestamp();
            }

            if (batches.Count == 0)
            {
                await WaitAsync(queue, wait == Timeout.InfiniteTimeSpan || wait > cleansAfter ? cleansAfter : wait);
            }
        }
    }

    private async Task WaitAsync(BatchQueue queue, TimeSpan wait)
    {
        try
        {
            await queue.WaitAsync(wait, _stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The loop ends.
        }
    }
}
