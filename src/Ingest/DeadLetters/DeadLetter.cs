using Ingest.Decode;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>What became of a dead letter in a flush.</summary>
internal enum DeadLetterFate
{
    /// <summary>Kept whole.</summary>
    Kept,

    /// <summary>Past the device's quota: counted only.</summary>
    NotKept,

    /// <summary>Already kept, or another of the same flush is.</summary>
    Duplicate,
}

/// <summary>A rejected reading on its way into the table.</summary>
internal sealed class DeadLetter(RawEvent message, int batch, Rejection rejection)
{
    // The quota's key is indexed, and an index row has a limit that a name of any length would pass.
    private const int LongestQuotaName = 128;

    public RawEvent Message { get; } = message;

    /// <summary>The index of its batch in the flush.</summary>
    public int Batch { get; } = batch;

    public Rejection Rejection { get; } = rejection;

    public byte[] Key { get; } = DeadLetterKey.Of(message, rejection.Element);

    /// <summary>Whose quota it counts against; empty where the hub names no device.</summary>
    public string QuotaName { get; } = Shorten(DeadLetterText.Clean(message.DeviceId) ?? "");

    public DeadLetterFate Fate { get; set; }

    private static string Shorten(string name)
    {
        if (name.Length <= LongestQuotaName)
        {
            return name;
        }

        return char.IsHighSurrogate(name[LongestQuotaName - 1]) ? name[..(LongestQuotaName - 1)] : name[..LongestQuotaName];
    }
}
