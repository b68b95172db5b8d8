using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// Where the decoding of a batch pauses until what is decoded so far is stored. A small message can hold ten thousand readings, so that a batch of
/// a hundred could become a million.
/// </summary>
/// <param name="Readings">After so many readings.</param>
/// <param name="Bytes">After so many bytes of bodies, and of text and JSON taken from them.</param>
/// <param name="AtPosition">Only after a message at which a checkpoint can stand.</param>
internal readonly record struct PartLimits(int Readings, long Bytes, bool AtPosition = false)
{
    public static readonly PartLimits None = new(int.MaxValue, long.MaxValue);

    /// <summary>Whether to pause before <paramref name="next"/>.</summary>
    public bool Pauses(in DecoderOutput output, RawEvent last, RawEvent next) =>
        (output.Built >= Readings || output.Bytes + next.Body.Length > Bytes)
        && !(AtPosition && last is not { Offset: not null, SequenceNumber: not null, EnqueuedTime: not null });
}
