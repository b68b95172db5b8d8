using Ingest.Decode;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>What became of a dead letter in a flush.</summary>
internal enum DeadLetterFate
{
    /// <summary>Kept whole.</summary>
    Kept,

    /// <summary>Past what is kept of its message, or past the device's quota: counted only.</summary>
    NotKept,

    /// <summary>Already kept, or another of the same flush is.</summary>
    Duplicate,
}

/// <summary>A rejected reading on its way into the table.</summary>
/// <param name="message">Its message.</param>
/// <param name="batch">The index of its batch in the flush.</param>
/// <param name="rejection">Why it is rejected.</param>
/// <param name="key">Its key; null past what is kept of its message.</param>
/// <param name="quotaName">Whose quota it counts against; empty where the hub names no device.</param>
internal sealed class DeadLetter(RawEvent message, int batch, Rejection rejection, byte[]? key, string quotaName)
{
    public RawEvent Message { get; } = message;

    public int Batch { get; } = batch;

    public Rejection Rejection { get; } = rejection;

    public byte[]? Key { get; } = key;

    public string QuotaName { get; } = quotaName;

    public DeadLetterFate Fate { get; set; } = DeadLetterFate.NotKept;
}
