using Ingest.Decode;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>What became of a dead letter in a flush.</summary>
internal enum DeadLetterOutcome
{
    /// <summary>Kept whole.</summary>
    Kept,

    /// <summary>Past a quota of the device or of all devices: counted only.</summary>
    NotKept,

    /// <summary>Already kept, or another of the same flush is.</summary>
    Duplicate,
}

/// <summary>A rejected reading on its way into the table.</summary>
/// <param name="source">Its message.</param>
/// <param name="batchIndex">The index of its batch in the flush.</param>
/// <param name="rejection">Why it is rejected.</param>
internal sealed class DeadLetter(DeadLetterSource source, int batchIndex, Rejection rejection)
{
    public RawEvent Message => Source.Message;

    public DeadLetterSource Source { get; } = source;

    public int BatchIndex { get; } = batchIndex;

    public Rejection Rejection { get; } = rejection;

    public byte[] Key { get; } = DeadLetterKey.Of(source.Hash, rejection.ElementIndex);

    /// <summary>Bytes that it takes in the table, by and large.</summary>
    public long Bytes { get; } = source.Bytes + rejection.Detail.Length;

    public DeadLetterOutcome Outcome { get; set; } = DeadLetterOutcome.NotKept;
}

/// <summary>Rejected readings past those that can be kept of their message: counted only.</summary>
/// <param name="BatchIndex">The index of their batch in the flush.</param>
/// <param name="QuotaName">Whose quota they count against.</param>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many.</param>
internal readonly record struct DeadLetterCount(int BatchIndex, string QuotaName, RejectReason Reason, long Count);
