using System.Globalization;

namespace Ingest.Decode;

/// <summary>What a time is to the table.</summary>
internal enum TimeVerdict
{
    Accepted,
    Expired,
    Rejected,
}

/// <summary>Between which times readings are stored.</summary>
/// <param name="Earliest">Before it a clock has gone wrong.</param>
/// <param name="Latest">After it too.</param>
/// <param name="Oldest">Before it the table keeps nothing.</param>
internal readonly record struct TimeBounds(DateTime Earliest, DateTime Latest, DateTime Oldest)
{
    /// <summary>Judges the hub's stamp; null is none.</summary>
    public TimeVerdict Judge(DateTime? stamp, out ReadingFault fault)
    {
        if (stamp is { } time)
        {
            return Judge(time, "The stamp", countsOnly: false, out fault);
        }

        fault = new(RejectReason.TimeMissing, "The hub gave no stamp that could be read.");
        return TimeVerdict.Rejected;
    }

    /// <param name="time">A time.</param>
    /// <param name="name">What it is called in a rejection.</param>
    /// <param name="countsOnly">Whether a rejection would only be counted.</param>
    /// <param name="fault">Why it is rejected.</param>
    public TimeVerdict Judge(DateTime time, string name, bool countsOnly, out ReadingFault fault)
    {
        fault = default;
        if (time >= Earliest && time <= Latest)
        {
            return time < Oldest ? TimeVerdict.Expired : TimeVerdict.Accepted;
        }

        fault = new(
            RejectReason.TimeOutOfBounds,
            countsOnly ? "" : string.Create(
                CultureInfo.InvariantCulture,
                $"{name} {time:yyyy-MM-ddTHH:mm:ss.fffZ} is not between {Earliest:yyyy-MM-ddTHH:mm:ss.fffZ} "
                    + $"(Telemetry:EarliestAccepted) and {Latest:yyyy-MM-ddTHH:mm:ss.fffZ} (a day ahead of the clock)."));
        return TimeVerdict.Rejected;
    }
}
