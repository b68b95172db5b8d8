namespace Ingest.Sources.EventHubs;

/// <summary>What a replay takes: readings stamped in <c>[From, To)</c>.</summary>
/// <param name="From">The first stamp, UTC.</param>
/// <param name="To">The stamp to end before, UTC; null for all there was when the replay began.</param>
public sealed record ReplayRange(DateTime From, DateTime? To = null)
{
    // The hub finds events by its own stamp, and IoT Hub stamps a message some hundred milliseconds earlier; minutes, when routing lags.
    private static readonly TimeSpan MarginBefore = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MarginAfter = TimeSpan.FromMinutes(10);

    /// <summary>The hub's stamp to begin reading at.</summary>
    internal DateTime ReadFrom => From - DateTime.MinValue > MarginBefore ? From - MarginBefore : From;

    /// <summary>Whether an event with this stamp of the hub can have nothing of the range after it.</summary>
    internal bool IsPast(DateTime hubStamp) => To is { } to && hubStamp - MarginAfter >= to;

    /// <summary>Whether a row with this stamp is wanted.</summary>
    internal bool Contains(DateTime stamp) => stamp >= From && (To is not { } to || stamp < to);
}
