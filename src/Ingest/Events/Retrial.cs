namespace Ingest.Events;

/// <summary>
/// Of a message that comes from the dead letters and not from a source: which of its readings are tried again. Its others are in their
/// places already, and only tell how often the message holds a content.
/// </summary>
/// <param name="Letters">The dead letters.</param>
/// <param name="Command">What tries them, as their resolution names it.</param>
/// <param name="IsAsKept">
/// Whether the message is as it was kept: what is wrong with it now is then wrong with the letters. Else somebody has mended it.
/// </param>
internal sealed record Retrial(IReadOnlyList<RetriedLetter> Letters, string Command, bool IsAsKept);

/// <summary>A dead letter that is tried again.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Element">Which of the body's readings it is; -1: the body whole.</param>
internal sealed record RetriedLetter(byte[] Key, int Element);

/// <summary>What became of a dead letter that was tried again.</summary>
internal enum RetrialOutcome
{
    /// <summary>No longer open: somebody else has resolved it meanwhile, or it is past its retention.</summary>
    NotOpen,

    /// <summary>Resolved: of its readings one at the least is a new row.</summary>
    Stored,

    /// <summary>Resolved: its rows were there.</summary>
    Duplicate,

    /// <summary>Open: it is rejected again.</summary>
    Rejected,

    /// <summary>Open: older than the table keeps, or no element of its body any more.</summary>
    NoReading,
}

/// <summary>A dead letter that was tried again, and what became of it.</summary>
/// <param name="Letter">The dead letter.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Reason">The code of the reason for which it is rejected again; else empty.</param>
/// <param name="Detail">The sentence to it.</param>
internal sealed record TriedLetter(RetriedLetter Letter, RetrialOutcome Outcome, string Reason = "", string Detail = "")
{
    public bool IsResolved => Outcome is RetrialOutcome.Stored or RetrialOutcome.Duplicate;
}
