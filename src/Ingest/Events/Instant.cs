namespace Ingest.Events;

/// <summary>A point in time as the table keeps it: whole microseconds since 1970-01-01 UTC. A stamp is one on a whole millisecond.</summary>
/// <param name="Microseconds">Negative before 1970.</param>
public readonly record struct Instant(long Microseconds) : IComparable<Instant>
{
    /// <summary>Instants in a millisecond: a stamp and those that readings which share it move to.</summary>
    public const int PerMillisecond = 1_000;

    private static readonly long Epoch = DateTime.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Microseconds since the last whole millisecond.</summary>
    public int MicrosecondOfMillisecond => (int)(((Microseconds % PerMillisecond) + PerMillisecond) % PerMillisecond);

    /// <summary>The stamp: the last whole millisecond.</summary>
    public Instant FloorToMillisecond() => new(Microseconds - MicrosecondOfMillisecond);

    /// <summary>The time in UTC.</summary>
    public DateTime ToDateTime() => DateTime.UnixEpoch.AddTicks(Microseconds * TimeSpan.TicksPerMicrosecond);

    /// <summary>A time in UTC, floored to the microsecond.</summary>
    public static Instant Of(DateTime time) => new((time.Ticks / TimeSpan.TicksPerMicrosecond) - Epoch);

    public Instant AddMicroseconds(long microseconds) => new(Microseconds + microseconds);

    public int CompareTo(Instant other) => Microseconds.CompareTo(other.Microseconds);

    public static bool operator <(Instant left, Instant right) => left.Microseconds < right.Microseconds;

    public static bool operator >(Instant left, Instant right) => left.Microseconds > right.Microseconds;

    public static bool operator <=(Instant left, Instant right) => left.Microseconds <= right.Microseconds;

    public static bool operator >=(Instant left, Instant right) => left.Microseconds >= right.Microseconds;
}
