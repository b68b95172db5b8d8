namespace Ingest.Settings;

/// <summary>How a time is written.</summary>
public enum TimeFormat
{
    /// <summary><c>2026-03-04T05:06:07.089Z</c>, or with an offset; without either where <c>Telemetry:TimeZone</c> says which.</summary>
    Iso8601,

    /// <summary>Seconds since 1970-01-01 UTC, with a fraction or without, as a number or as text.</summary>
    EpochSeconds,

    /// <summary>Milliseconds, in the same way.</summary>
    EpochMilliseconds,

    /// <summary>Microseconds, in the same way.</summary>
    EpochMicroseconds,
}

/// <summary>What becomes of a reading whose own time is missing or cannot be read.</summary>
public enum WithoutTime
{
    /// <summary>It is dead-lettered (<c>time_missing</c>).</summary>
    DeadLetter,

    /// <summary>It takes the hub's stamp.</summary>
    Stamp,
}
