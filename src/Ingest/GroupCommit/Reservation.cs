using Ingest.Decode;
using Ingest.Events;
using Ingest.Failures;

namespace Ingest.GroupCommit;

/// <summary>
/// A batch's place in the order of its partition: held from before it is decoded until all of it is durable. Where it comes to more
/// readings or bytes than a transaction takes, it is decoded and committed in parts: <see cref="RoomAsync"/> and <see cref="CommitAsync"/>
/// by turns while it
/// <see cref="HasMore"/>.
/// </summary>
/// <remarks>
/// Cancelled while it waits, a part is not committed; cancelled while a transaction with it is under way, <see cref="CommitAsync"/> returns
/// when that has ended: with its result, or with the cancellation where it was not committed or nobody knows.
/// </remarks>
internal sealed class Reservation : IAsyncDisposable
{
    private readonly BatchQueue _queue;
    private readonly GiveUpTimer _giveUp;
    private readonly Action _released;
    private PendingBatch? _batch;
    private PendingBatch? _rest;
    private CancellationTokenRegistration _cancellation;

    /// <param name="batch">The batch, which has a place in the queue.</param>
    /// <param name="queue">The queue.</param>
    /// <param name="giveUp">Cancels the batch.</param>
    /// <param name="released">Called when the place is given back.</param>
    public Reservation(PendingBatch batch, BatchQueue queue, GiveUpTimer giveUp, Action released)
    {
        _batch = batch;
        _queue = queue;
        _giveUp = giveUp;
        _released = released;
        CancelWithCaller(batch);
    }

    /// <summary>The first message that is not decoded yet.</summary>
    public int FirstIndex => Current.FirstIndex;

    /// <summary>Whether a part of the batch is still to be decoded.</summary>
    public bool HasMore => _batch is not null;

    /// <summary>Where the readings of all parts ended.</summary>
    public BatchResult Result { get; private set; } = new(default, default);

    private PendingBatch Current => _batch ?? throw new InvalidOperationException("The whole batch is committed");

    /// <summary>Waits until there is room to decode the next part.</summary>
    /// <exception cref="DatabaseUnavailableException">It took too long.</exception>
    public Task RoomAsync() => _giveUp.ObserveAsync(Current.Admission.Task);

    /// <summary>Commits a part, which was decoded from <see cref="FirstIndex"/> on. Returns when it is durable.</summary>
    /// <exception cref="DatabaseUnavailableException">It took too long.</exception>
    public async Task CommitAsync(DecodedBatch decoded)
    {
        var part = Current;
        _rest = _queue.Ready(part, decoded);
        await _giveUp.ObserveAsync(part.Completion.Task);
        var committed = await part.Completion.Task;
        Result = committed with { Counts = Result.Counts + committed.Counts, Tried = [.. Result.Tried, .. committed.Tried] };
        await _cancellation.DisposeAsync();
        (_batch, _rest) = (_rest, null);
        if (_batch is { } rest)
        {
            CancelWithCaller(rest);
            _queue.Continue(rest);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _cancellation.DisposeAsync();
        foreach (var left in new[] { _batch, _rest }.OfType<PendingBatch>())
        {
            _queue.TryRemove(left);
        }

        _giveUp.Dispose();
        _released();
    }

    private void CancelWithCaller(PendingBatch batch) => _cancellation = batch.CancellationToken.UnsafeRegister(
        static state =>
        {
            var (queue, cancelled) = ((BatchQueue, PendingBatch))state!;
            if (queue.TryRemove(cancelled))
            {
                cancelled.Completion.TrySetCanceled(cancelled.CancellationToken);
            }
            else
            {
                cancelled.CancelInFlush();
            }
        },
        (_queue, batch));
}
