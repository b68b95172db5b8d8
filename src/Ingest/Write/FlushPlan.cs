using Ingest.Columns;
using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Forgotten;
using Ingest.Schema;
using Ingest.Settings;

namespace Ingest.Write;

/// <summary>
/// What an attempt is going to do with a flush: where each row goes, which dead letters there are, and the resulting counts. In
/// memory alone; its buffers are used again. <see cref="Load"/>, for a flush that compares the stored rows of <see cref="Windows"/>,
/// <see cref="Resolve"/>, and <see cref="CountReadings"/> once the outcomes of the dead letters are known.
/// </summary>
internal sealed class FlushPlan(TargetTable table) : IDisposable
{
    private Flush? _flush;
    private Instant[] _stamps = [];
    private ForgottenDevices? _forgotten;
    private long[] _forgottenLetters = [];

    public FlushRows Rows { get; } = new(table.MetricIndex);

    public CollisionResolver Twins { get; } = new();

    /// <summary>The buffer for stored rows.</summary>
    public ReadingColumns Stored { get; } = new(table.Columns);

    public IReadOnlyList<DeadLetter> Letters { get; private set; } = [];

    /// <summary>Dead letters that are counted only.</summary>
    public IReadOnlyList<DeadLetterCount> Counts { get; private set; } = [];

    /// <summary>The dead letters that are tried again.</summary>
    public LetterTrials Trials { get; } = new();

    private Flush Flush => _flush ?? throw new InvalidOperationException("No flush is loaded");

    public void Load(Flush flush)
    {
        _flush = flush;
        Rows.Load([.. flush.Batches.Select(batch => batch.Ready)]);
        Twins.Load(Rows);
        Trials.Load(Rows.Batches);
    }

    /// <summary>The stretches of time that hold every stored row of the flush's stamps.</summary>
    public IReadOnlyList<StampWindow> Windows()
    {
        if (_stamps.Length < Rows.Count)
        {
            _stamps = new Instant[Rows.Count];
        }

        Rows.Stamps.CopyTo(_stamps);
        return StampWindows.Cover(_stamps.AsSpan(0, Rows.Count));
    }

    /// <param name="forgotten">Devices whose readings are ignored.</param>
    public void Resolve(ForgottenDevices forgotten)
    {
        _forgotten = forgotten;
        _forgottenLetters = new long[Flush.Batches.Count];
        if (forgotten.Any)
        {
            Rows.Forget(forgotten);
        }

        if (Trials.Any)
        {
            Rows.SetApart(Trials);
        }

        Twins.Resolve(Flush.History.Refused);
        CollectLetters();
    }

    /// <summary>The batches whose readings differ from their stored rows more often than the settings accept.</summary>
    public FlushAttempt.Differs? Contradiction(CommitSettings settings)
    {
        if (settings.AcceptDifferences || Twins.KnownKeys < settings.DifferencesToRefuse || Twins.Differing * 2L <= Twins.KnownKeys)
        {
            return null;
        }

        var batches = Flush.Batches.Where((_, index) => Twins.ByBatch[index].Differing * 2L > Twins.ByBatch[index].Known);
        return new FlushAttempt.Differs([.. batches], Twins.KnownKeys, Twins.Differing);
    }

    public FlushOutcome CountReadings()
    {
        var tallies = new Tally[Flush.Batches.Count];
        for (var rowIndex = 0; rowIndex < Rows.Count; rowIndex++)
        {
            tallies[Rows.BatchIndexOf(rowIndex)].Add(Rows.Outcomes[rowIndex]);
        }

        var reasons = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var letter in Letters)
        {
            if (tallies[letter.BatchIndex].Add(letter.Outcome))
            {
                var reason = RejectReasonCode.Of(letter.Rejection.Reason);
                reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
            }
        }

        foreach (var count in Counts)
        {
            tallies[count.BatchIndex].Add(count);
            var reason = RejectReasonCode.Of(count.Reason);
            reasons[reason] = reasons.GetValueOrDefault(reason) + count.Count;
        }

        var tried = Trials.Judged.Select(judged => (Flush.Batches[judged.BatchIndex], judged.Letter)).ToArray();
        foreach (var (batchIndex, letter) in Trials.Judged)
        {
            tallies[batchIndex].Add(letter);
        }

        return new FlushOutcome(
            [.. Flush.Batches.Select((batch, index) => (batch, tallies[index].Of(batch, _forgottenLetters[index])))],
            reasons,
            Twins.KnownKeys,
            Rows.New > 0 || Letters.Any(letter => letter.Outcome == DeadLetterOutcome.Kept)
                || tried.Any(pair => pair.Letter.IsResolved),
            Twins.Indistinct.Count,
            Twins.Indistinct.Example)
        { Tried = tried };
    }

    /// <summary>Which rows and dead letters are to be written, as a hash.</summary>
    public int Hash()
    {
        var plan = new HashCode();
        for (var rowIndex = 0; rowIndex < Rows.Count; rowIndex++)
        {
            plan.Add(Rows.IsNew(rowIndex) ? Rows.Times[rowIndex].Microseconds : -1);
        }

        foreach (var letter in Letters.Where(letter => letter.Outcome == DeadLetterOutcome.Kept))
        {
            plan.AddBytes(letter.Key);
        }

        return plan.ToHashCode();
    }

    public void Dispose() => Stored.Dispose();

    private void CollectLetters()
    {
        var letters = new DeadLetterList();
        for (var batchIndex = 0; batchIndex < Flush.Batches.Count; batchIndex++)
        {
            var decoded = Flush.Batches[batchIndex].Ready;
            foreach (var rejection in decoded.Rejections)
            {
                Reject(letters, batchIndex, rejection);
            }

            foreach (var count in decoded.Counts)
            {
                if (IsForgotten(decoded.Events[count.EventIndex]))
                {
                    _forgottenLetters[batchIndex] += count.Count;
                }
                else if (!Trials.TryReject(batchIndex, count))
                {
                    letters.Add(decoded.Events[count.EventIndex], batchIndex, count.Reason, count.Count);
                }
            }
        }

        for (var rowIndex = 0; rowIndex < Rows.Count; rowIndex++)
        {
            if (Trials.Any)
            {
                Trials.Count(Rows.BatchIndexOf(rowIndex), Rows.EventIndexOf(rowIndex), Rows.ElementOf(rowIndex), Rows.Outcomes[rowIndex]);
            }

            if (Rows.Outcomes[rowIndex] is RowOutcome.TooManyCollisions or RowOutcome.Refused)
            {
                var (reason, detail) = Rows.Outcomes[rowIndex] == RowOutcome.Refused
                    ? (
                        RejectReason.RefusedByDatabase,
                        Flush.History.Refused.Detail(Rows.Batches[Rows.BatchIndexOf(rowIndex)], Rows.RowIndexOf(rowIndex)))
                    : (RejectReason.TooManyCollisions, "The device has a thousand readings with this stamp already.");
                Reject(
                    letters,
                    Rows.BatchIndexOf(rowIndex),
                    new Rejection(Rows.EventIndexOf(rowIndex), Rows.ElementOf(rowIndex), reason, detail));
            }
        }

        Trials.AddParts(letters, Rows.Batches);
        (Letters, Counts) = (letters.Letters, letters.Counts);
    }

    // Whatever else its body says, it is of the device that the hub names.
    private bool IsForgotten(RawEvent message) =>
        _forgotten is { Any: true } devices
            && (message.RowTime ?? message.EnqueuedTime) is { } time
            && devices.Cover(message.DeviceId, Instant.Of(time));

    private void Reject(DeadLetterList letters, int batchIndex, Rejection rejection)
    {
        if (IsForgotten(Rows.Batches[batchIndex].Events[rejection.EventIndex]))
        {
            _forgottenLetters[batchIndex]++;
        }
        else if (!Trials.TryReject(batchIndex, rejection))
        {
            letters.Add(Rows.Batches[batchIndex].Events[rejection.EventIndex], batchIndex, rejection);
        }
    }

    /// <summary>One batch's readings by where they ended, counted in place.</summary>
    private struct Tally
    {
        private int _stored;
        private int _collisions;
        private int _duplicate;
        private long _deadLettered;
        private long _notKept;
        private long _forgotten;

        public void Add(RowOutcome outcome)
        {
            switch (outcome)
            {
                case RowOutcome.Stored:
                    _stored++;
                    break;
                case RowOutcome.Collision:
                    _stored++;
                    _collisions++;
                    break;
                case RowOutcome.Duplicate:
                    _duplicate++;
                    break;
                case RowOutcome.Forgotten:
                    _forgotten++;
                    break;
                case RowOutcome.TooManyCollisions or RowOutcome.Refused or RowOutcome.Neighbour:
                    // Counted with the dead letter that it has; a neighbour was counted when it came.
                    break;
            }
        }

        /// <returns>Whether it is a new one.</returns>
        public bool Add(DeadLetterOutcome outcome)
        {
            if (outcome == DeadLetterOutcome.Duplicate)
            {
                _duplicate++;
                return false;
            }

            _deadLettered++;
            _notKept += outcome == DeadLetterOutcome.NotKept ? 1 : 0;
            return true;
        }

        public void Add(DeadLetterCount count)
        {
            _deadLettered += count.Count;
            _notKept += count.Count;
        }

        // One that stays is the letter that was there.
        public void Add(TriedLetter letter) => _duplicate += letter.Outcome == RetrialOutcome.Rejected ? 1 : 0;

        public readonly ReadingCounts Of(FlushBatch batch, long forgottenLetters) => new(
            Received: batch.Ready.HasRetrials
                ? _stored + _duplicate + _deadLettered + batch.Ready.Ignored + _forgotten + forgottenLetters
                : batch.Ready.Received,
            Stored: _stored,
            Duplicate: _duplicate,
            DeadLettered: _deadLettered,
            Ignored: batch.Ready.Ignored + _forgotten + forgottenLetters,
            Collisions: _collisions,
            NotKept: _notKept,
            Missed: batch.Checkpoint?.Missed ?? 0);
    }
}
