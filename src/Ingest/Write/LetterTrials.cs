using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>
/// The dead letters that a flush tries again: which of its rows and rejections are theirs, and what becomes of each. A letter whose
/// readings are all in the table, or new dead letters of their own, is resolved in the flush's transaction; any other stays.
/// </summary>
internal sealed class LetterTrials
{
    private readonly Dictionary<(int BatchIndex, int EventIndex), TriedMessage> _messages = [];

    /// <summary>Whether there are any.</summary>
    public bool Any => _messages.Count > 0;

    /// <summary>The keys of all of them.</summary>
    public byte[][] Keys => [.. _messages.Values.SelectMany(message => message.Letters).Select(letter => letter.Letter.Key)];

    /// <summary>Those of each batch, judged.</summary>
    public IEnumerable<(int BatchIndex, TriedLetter Letter)> Judged =>
        _messages.SelectMany(pair => pair.Value.Letters.Select(letter => (pair.Key.BatchIndex, letter.Judge())));

    /// <summary>The resolved ones.</summary>
    public IReadOnlyList<(TriedLetter Letter, Retrial Retrial)> Resolved =>
        [.. Tried.Where(pair => pair.Letter.IsResolved)];

    /// <summary>Those that are rejected again as they were kept: the reason is theirs now.</summary>
    public IReadOnlyList<TriedLetter> RejectedAgain =>
        [.. Tried.Where(pair => pair.Letter.Outcome == RetrialOutcome.Rejected && pair.Retrial.IsAsKept).Select(pair => pair.Letter)];

    private IEnumerable<(TriedLetter Letter, Retrial Retrial)> Tried =>
        _messages.Values.SelectMany(message => message.Letters.Select(letter => (letter.Judge(), message.Retrial)));

    public void Load(IReadOnlyList<DecodedBatch> batches)
    {
        _messages.Clear();
        for (var batchIndex = 0; batchIndex < batches.Count; batchIndex++)
        {
            var batch = batches[batchIndex];
            for (var eventIndex = batch.FirstIndex; batch.HasRetrials && eventIndex < batch.EndIndex; eventIndex++)
            {
                if (batch.Events[eventIndex].Retrial is { } retrial)
                {
                    _messages.Add((batchIndex, eventIndex), new TriedMessage(retrial));
                }
            }
        }
    }

    /// <summary>Says which are open, and locked until the transaction ends.</summary>
    /// <param name="open">Their keys in hexadecimal digits.</param>
    public void Open(IReadOnlySet<string> open)
    {
        foreach (var letter in _messages.Values.SelectMany(message => message.Letters))
        {
            letter.IsOpen = open.Contains(Convert.ToHexString(letter.Letter.Key));
        }
    }

    /// <summary>Whether a reading is to be stored: of a message from the dead letters only those of its open letters are.</summary>
    public bool Takes(int batchIndex, int eventIndex, int element) =>
        !_messages.TryGetValue((batchIndex, eventIndex), out var message) || message.Find(element) is not null;

    /// <summary>A row of the flush has got its place.</summary>
    public void Count(int batchIndex, int eventIndex, int element, RowOutcome outcome)
    {
        if (_messages.TryGetValue((batchIndex, eventIndex), out var message) && message.Find(element) is { } letter)
        {
            letter.Stored += outcome <= RowOutcome.Collision ? 1 : 0;
            letter.Duplicates += outcome == RowOutcome.Duplicate ? 1 : 0;
        }
    }

    /// <summary>A reading is rejected.</summary>
    /// <returns>False where its message is none of the dead letters'.</returns>
    public bool TryReject(int batchIndex, Rejection rejection)
    {
        if (!_messages.TryGetValue((batchIndex, rejection.EventIndex), out var message))
        {
            return false;
        }

        message.Reject(rejection);
        return true;
    }

    /// <summary>Readings are rejected of which no more is known than the reason.</summary>
    /// <returns>False where their message is none of the dead letters'.</returns>
    public bool TryReject(int batchIndex, RejectionCount count)
    {
        if (!_messages.TryGetValue((batchIndex, count.EventIndex), out var message))
        {
            return false;
        }

        message.Find(-1)?.Counts.Add(count);
        return true;
    }

    /// <summary>
    /// Adds the rejected readings of bodies that had been dead-lettered whole, and of which others are stored now: dead letters of their
    /// own.
    /// </summary>
    public void AddParts(DeadLetterList letters, IReadOnlyList<DecodedBatch> batches)
    {
        foreach (var ((batchIndex, eventIndex), message) in _messages)
        {
            foreach (var letter in message.Letters.Where(letter => letter.Judge().IsResolved))
            {
                var from = batches[batchIndex].Events[eventIndex];
                foreach (var part in letter.Parts)
                {
                    letters.Add(from, batchIndex, part);
                }

                foreach (var count in letter.Counts)
                {
                    letters.Add(from, batchIndex, count.Reason, count.Count);
                }
            }
        }
    }

    /// <summary>A message whose dead letters are tried again.</summary>
    private sealed class TriedMessage(Retrial retrial)
    {
        public Retrial Retrial { get; } = retrial;

        public IReadOnlyList<Trial> Letters { get; } = [.. retrial.Letters.Select(letter => new Trial(letter))];

        /// <summary>The open letter whose reading an element is; null where it is nobody's.</summary>
        public Trial? Find(int element) =>
            Letters.FirstOrDefault(letter => letter.IsOpen && letter.Letter.Element == element)
                ?? Letters.FirstOrDefault(letter => letter.IsOpen && letter.Letter.Element < 0);

        public void Reject(Rejection rejection)
        {
            if (rejection.ElementIndex < 0)
            {
                foreach (var letter in Letters)
                {
                    letter.Rejection ??= rejection;
                }
            }
            else if (Find(rejection.ElementIndex) is { } letter)
            {
                if (letter.Letter.Element < 0)
                {
                    letter.Parts.Add(rejection);
                }
                else
                {
                    letter.Rejection ??= rejection;
                }
            }
        }
    }

    /// <summary>What has become of a dead letter so far.</summary>
    private sealed class Trial(RetriedLetter letter)
    {
        public RetriedLetter Letter { get; } = letter;

        public bool IsOpen { get; set; }

        public int Stored { get; set; }

        public int Duplicates { get; set; }

        public Rejection? Rejection { get; set; }

        /// <summary>Of a body: its elements that are rejected.</summary>
        public List<Rejection> Parts { get; } = [];

        public List<RejectionCount> Counts { get; } = [];

        public TriedLetter Judge()
        {
            if (!IsOpen)
            {
                return new TriedLetter(Letter, RetrialOutcome.NotOpen);
            }

            // Of a body of which nothing is stored, the first fault is the body's.
            var fault = Rejection ?? (Stored + Duplicates == 0 && Parts.Count > 0 ? Parts[0] : null);
            return fault is { } rejection
                ? new TriedLetter(Letter, RetrialOutcome.Rejected, RejectReasonCode.Of(rejection.Reason), rejection.Detail)
                : new TriedLetter(
                    Letter,
                    Stored > 0 ? RetrialOutcome.Stored : Duplicates > 0 ? RetrialOutcome.Duplicate : RetrialOutcome.NoReading);
        }
    }
}
