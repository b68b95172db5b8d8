using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>How far a replay is.</summary>
/// <param name="EventsRead">Events read from the hub, wanted or not.</param>
/// <param name="EventsWanted">Of those, stamped in the range.</param>
/// <param name="EventsInAll">Most that there are to read, by the sequence numbers; less where the range ends before the hub does.</param>
/// <param name="Counts">Where the readings ended so far.</param>
public sealed record ReplayProgress(long EventsRead, long EventsWanted, long EventsInAll, ReadingCounts Counts);
