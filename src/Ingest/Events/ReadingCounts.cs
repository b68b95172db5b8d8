namespace Ingest.Events;

/// <summary>Where readings ended. All counts are readings, except <see cref="Missed"/>, which is messages.</summary>
/// <param name="Received">Readings taken from the source.</param>
/// <param name="Stored">New rows.</param>
/// <param name="Duplicate">Readings whose row, or whose dead letter, was already there.</param>
/// <param name="DeadLettered">Readings rejected; includes <paramref name="NotKept"/>.</param>
/// <param name="Ignored">Not telemetry, or older than the table keeps.</param>
/// <param name="Collisions">Of the stored: rows moved to a free microsecond, as their stamp was taken by another reading.</param>
/// <param name="NotKept">
/// Of the dead-lettered: counted, but past the device's quota for the day, or past the 100 (and 1 MiB) kept of one message, and so not
/// kept.
/// </param>
/// <param name="Missed">Messages the hub dropped before they were read: gaps in the sequence numbers.</param>
public readonly record struct ReadingCounts(
    long Received = 0,
    long Stored = 0,
    long Duplicate = 0,
    long DeadLettered = 0,
    long Ignored = 0,
    long Collisions = 0,
    long NotKept = 0,
    long Missed = 0)
{
    /// <summary>The promise: every reading is in exactly one of the four places.</summary>
    public bool Balance => Received == Stored + Duplicate + DeadLettered + Ignored;

    public static ReadingCounts operator +(ReadingCounts a, ReadingCounts b) => a.Add(b);

    public static ReadingCounts operator -(ReadingCounts a, ReadingCounts b) => a.Subtract(b);

    public ReadingCounts Add(ReadingCounts other) => new(
        Received + other.Received,
        Stored + other.Stored,
        Duplicate + other.Duplicate,
        DeadLettered + other.DeadLettered,
        Ignored + other.Ignored,
        Collisions + other.Collisions,
        NotKept + other.NotKept,
        Missed + other.Missed);

    public ReadingCounts Subtract(ReadingCounts other) => new(
        Received - other.Received,
        Stored - other.Stored,
        Duplicate - other.Duplicate,
        DeadLettered - other.DeadLettered,
        Ignored - other.Ignored,
        Collisions - other.Collisions,
        NotKept - other.NotKept,
        Missed - other.Missed);
}
