using System.Globalization;
using Ingest.Cli.Simulation;
using Ingest.Diagnostics;
using Ingest.Events;

namespace Ingest.Cli.Up;

/// <summary>What SQL counts before a run and after it.</summary>
/// <param name="Rows">Rows of the telemetry table.</param>
/// <param name="DeadLetters">Dead letters kept.</param>
/// <param name="Counts">The cumulative counts of the hub's checkpoints.</param>
/// <param name="RowsByDevice">Rows of each simulated device.</param>
internal sealed record StoreCounts(long Rows, long DeadLetters, ReadingCounts Counts, IReadOnlyDictionary<string, long> RowsByDevice);

/// <summary>
/// Compares what was sent, what the pipeline says, and what SQL counts. Every difference is a sentence that says which reading is where.
/// </summary>
internal static class RunAudit
{
    /// <param name="messagesCommitted">Messages the pipeline has committed.</param>
    /// <param name="run">The pipeline's counts of this run.</param>
    /// <param name="before">SQL's counts before the first message.</param>
    /// <param name="after">SQL's counts after the last commit.</param>
    /// <param name="ledger">What the sent messages must end in, or null where somebody else sends too.</param>
    public static IReadOnlyList<string> Differences(
        long messagesCommitted,
        ReadingCounts run,
        StoreCounts before,
        StoreCounts after,
        SentLedger? ledger)
    {
        List<string> problems = [];
        if (!run.Balance)
        {
            problems.Add(
                $"The counts do not add up: received {run.Received} is not stored {run.Stored} + duplicate {run.Duplicate} + "
                    + $"dead-lettered {run.DeadLettered} + ignored {run.Ignored}.");
        }

        Compare(problems, "rows: the pipeline stored", run.Stored, "the table grew by", after.Rows - before.Rows);
        Compare(
            problems,
            "dead letters: the pipeline kept",
            run.DeadLettered - run.NotKept,
            "the table grew by",
            after.DeadLetters - before.DeadLetters);
        CompareCounts(problems, "the pipeline counted", run, "the checkpoints grew by", after.Counts - before.Counts);
        if (ledger is null)
        {
            return problems;
        }

        if (ledger.Resent == 0)
        {
            Compare(problems, "messages: sent", ledger.Messages, "committed", messagesCommitted);
            CompareCounts(
                problems,
                "the messages sent must give",
                ledger.Expected with { Missed = run.Missed, NotKept = run.NotKept },
                "the pipeline counted",
                run);
        }

        // A message that reached the hub twice is one row all the same.
        foreach (var (device, expected) in ledger.RowsByDevice().OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var found = after.RowsByDevice.GetValueOrDefault(device) - before.RowsByDevice.GetValueOrDefault(device);
            Compare(problems, $"device {device}: rows due", expected, "the table grew by", found);
        }

        return problems;
    }

    /// <summary>The readings sent and not stored, by device and stamp; the first few of each device that lacks any.</summary>
    public static async Task<IReadOnlyList<string>> WithoutRowAsync(
        SentLedger ledger, StoreReader store, CancellationToken cancellationToken)
    {
        const int Named = 5;
        List<string> problems = [];
        foreach (var (device, stamps) in ledger.StampsByDevice())
        {
            var stored = await store.StampsAsync(device, stamps[0], cancellationToken);
            var missing = stamps.Where(stamp => !stored.Contains(stamp)).ToList();
            if (missing.Count > 0)
            {
                problems.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"device {device}: {missing.Count} readings sent have no row, stamped "
                    + $"{string.Join(", ", missing.Take(Named).Select(stamp => stamp.ToString("O", CultureInfo.InvariantCulture)))}"
                    + $"{(missing.Count > Named ? ", …" : "")}"));
            }
        }

        return problems;
    }

    /// <summary>What a replay of stored events must not do.</summary>
    /// <param name="run">What the run received, or null where others send too: then the replay meets other events than the run.</param>
    /// <param name="replay">The replay's counts.</param>
    /// <param name="rowsBefore">Rows counted by SQL before it.</param>
    /// <param name="rowsAfter">Rows counted by SQL after it.</param>
    public static IReadOnlyList<string> ReplayDifferences(ReadingCounts? run, ReadingCounts replay, long rowsBefore, long rowsAfter)
    {
        List<string> problems = [];
        if (run is { } first)
        {
            Compare(problems, "replay: the run received", first.Received, "the replay received", replay.Received);
            Compare(problems, "replay: new rows expected", 0, "counted", replay.Stored);
            Compare(problems, "replay: readings ignored in the run", first.Ignored, "in the replay", replay.Ignored);
        }

        Compare(problems, $"replay: {rowsBefore} rows before and stored", replay.Stored, "and the table grew by", rowsAfter - rowsBefore);
        if (!replay.Balance)
        {
            problems.Add($"The replay's counts do not add up: {replay}.");
        }

        return problems;
    }

    private static void CompareCounts(List<string> problems, string left, ReadingCounts expected, string right, ReadingCounts found)
    {
        Compare(problems, $"received: {left}", expected.Received, right, found.Received);
        Compare(problems, $"stored: {left}", expected.Stored, right, found.Stored);
        Compare(problems, $"duplicate: {left}", expected.Duplicate, right, found.Duplicate);
        Compare(problems, $"collisions: {left}", expected.Collisions, right, found.Collisions);
        Compare(problems, $"dead-lettered: {left}", expected.DeadLettered, right, found.DeadLettered);
        Compare(problems, $"ignored: {left}", expected.Ignored, right, found.Ignored);
        Compare(problems, $"missed: {left}", expected.Missed, right, found.Missed);
    }

    private static void Compare(List<string> problems, string left, long expected, string right, long found)
    {
        if (expected != found)
        {
            problems.Add($"{left} {expected}, {right} {found}.");
        }
    }
}
