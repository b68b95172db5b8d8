using System.Text.Json.Serialization;
using Ingest.Cli.Simulation;
using Ingest.Events;

namespace Ingest.Cli.Up;

/// <summary>The counts of a replay. Stored must be 0 where all of it had been stored before.</summary>
internal sealed record ReplayReport(long Received, long Stored, long Duplicate, long Collisions, long DeadLettered, long Ignored)
{
    public static ReplayReport From(ReadingCounts counts) => new(
        counts.Received, counts.Stored, counts.Duplicate, counts.Collisions, counts.DeadLettered, counts.Ignored);
}

/// <summary>
/// What <c>ingest up --json</c> prints last. Counts are readings; <c>messages…</c> are messages, <c>rowsInTable</c> rows.
/// </summary>
internal sealed record UpReport
{
    public required long MessagesSent { get; init; }

    public required long Received { get; init; }

    public required long Stored { get; init; }

    public required long Duplicate { get; init; }

    public required long Collisions { get; init; }

    public required long DeadLettered { get; init; }

    public required long Ignored { get; init; }

    public required long Missed { get; init; }

    /// <summary>From the first message sent to the last one committed.</summary>
    public required double ElapsedSeconds { get; init; }

    /// <summary>Median of the time from enqueued to committed.</summary>
    public required double? P50Milliseconds { get; init; }

    public required double? P99Milliseconds { get; init; }

    /// <summary>Messages committed a second, over <see cref="ElapsedSeconds"/>.</summary>
    public required double MessagesPerSecond { get; init; }

    /// <summary>When the first message was committed; null where none was.</summary>
    public required DateTimeOffset? FirstCommittedAt { get; init; }

    /// <summary>Rows counted by SQL at the end, those of earlier runs included.</summary>
    public required long RowsInTable { get; init; }

    /// <summary>How many messages had each fault; only with <c>--faults</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<Fault, long>? Faults { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ReplayReport? Replay { get; init; }

    /// <summary>What does not add up; empty where all does.</summary>
    public required IReadOnlyList<string> Problems { get; init; }
}
