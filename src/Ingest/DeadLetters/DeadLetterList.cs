using System.Runtime.InteropServices;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>
/// The dead letters of a flush. Each carries its whole body, so of one message's elements only the first ones can be kept: else a body
/// of 256 KiB with ten thousand bad elements would become 2.5 GB. The others are counted, and no object is made for them.
/// </summary>
internal sealed class DeadLetterList
{
    /// <summary>Most bytes that the dead letters of one message take altogether; the first is kept whatever its length.</summary>
    public const int MostBytesOfMessage = 1024 * 1024;

    private readonly List<DeadLetter> _letters = [];
    private readonly Dictionary<RawEvent, DeadLetterSource> _sources = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(int BatchIndex, string QuotaName, RejectReason Reason), long> _counts = [];

    public IReadOnlyList<DeadLetter> Letters => _letters;

    /// <summary>Those that are counted only.</summary>
    public IReadOnlyList<DeadLetterCount> Counts =>
        [.. _counts.Select(pair => new DeadLetterCount(pair.Key.BatchIndex, pair.Key.QuotaName, pair.Key.Reason, pair.Value))];

    public void Add(RawEvent message, int batchIndex, Rejection rejection)
    {
        var source = SourceOf(message);
        if (source.TakeRoom())
        {
            _letters.Add(new DeadLetter(source, batchIndex, rejection));
        }
        else
        {
            Add(source, batchIndex, rejection.Reason, 1);
        }
    }

    /// <summary>Adds readings that are counted only.</summary>
    public void Add(RawEvent message, int batchIndex, RejectReason reason, long count) => Add(SourceOf(message), batchIndex, reason, count);

    private void Add(DeadLetterSource source, int batchIndex, RejectReason reason, long count) =>
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, (batchIndex, source.QuotaName, reason), out _) += count;

    private DeadLetterSource SourceOf(RawEvent message)
    {
        if (!_sources.TryGetValue(message, out var source))
        {
            source = new DeadLetterSource(message);
            _sources.Add(message, source);
        }

        return source;
    }
}
