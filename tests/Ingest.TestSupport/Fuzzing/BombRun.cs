using System.Globalization;
using System.Text.Json;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Write;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>What a run of bombs came to.</summary>
/// <param name="Messages">Messages sent.</param>
/// <param name="Counts">Where their readings ended, as the pipeline said.</param>
/// <param name="Stored">The same, as the checkpoints say.</param>
/// <param name="PeakResidentBytes">Most physical memory that the process had.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record BombResult(long Messages, ReadingCounts Counts, ReadingCounts Stored, long PeakResidentBytes, double Seconds);

/// <summary>
/// Small messages that hold much work, through the pipeline as a worker delivers them: 8 partitions, batches of 100, two under way of each,
/// with checkpoints. For a process of its own, whose memory is measured.
/// </summary>
public static class BombRun
{
    private const int Partitions = 8;
    private const int BatchSize = 100;
    private const int Devices = 400;

    private static readonly DateTime Start = new(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Runs it, and prints the result as JSON.</summary>
    /// <param name="kind"><c>invalid</c>, <c>equal</c>, <c>different</c>, or <c>all</c> in turn.</param>
    /// <param name="messages">How many.</param>
    /// <param name="database">A migrated database.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    public static async Task RunAsync(string kind, int messages, string database, CancellationToken cancellationToken)
    {
        byte[][] bodies = kind switch
        {
            "invalid" => [DecodedWorkBombs.Invalid],
            "equal" => [DecodedWorkBombs.Equal],
            "different" => [DecodedWorkBombs.Different],
            _ => [DecodedWorkBombs.Invalid, DecodedWorkBombs.Equal, DecodedWorkBombs.Different],
        };
        await using var source = DatabaseConnections.Create(new DatabaseSettings { ConnectionString = database });
        var checkpoints = new CheckpointTable(source);
        var claimed = await checkpoints.ClaimAsync(
            "bombs",
            "group",
            [.. Enumerable.Range(0, Partitions).Select(partition => partition.ToString(CultureInfo.InvariantCulture))],
            cancellationToken);
        var started = TimeProvider.System.GetTimestamp();
        ReadingCounts[] counts;
        await using (var pipeline = new IngestPipeline(source, new IngestSettings()))
        {
            counts = await Task.WhenAll(
                claimed.Select(
                    (claim, partition) =>
                        Task.Run(() => ReadAsync(pipeline, claim, partition, messages / Partitions, bodies, cancellationToken))));
        }

        var stored = (
            await checkpoints.ListAsync(cancellationToken)).Aggregate(default(ReadingCounts), (sum, checkpoint) => sum + checkpoint.Counts);
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        Console.WriteLine(JsonSerializer.Serialize(new BombResult(
            messages / Partitions * Partitions,
            counts.Aggregate((sum, partition) => sum + partition),
            stored,
            process.PeakWorkingSet64,
            TimeProvider.System.GetElapsedTime(started).TotalSeconds)));
    }

    // The next batch is handed over while the last one is under way, and no more than two are.
    private static async Task<ReadingCounts> ReadAsync(
        IngestPipeline pipeline,
        StoredCheckpoint claim,
        int partition,
        int messages,
        byte[][] bodies,
        CancellationToken cancellationToken)
    {
        var (sum, underWay) = (default(ReadingCounts), new Queue<Task<BatchResult>>());
        for (var first = 0; first < messages; first += BatchSize)
        {
            RawEvent[] batch =
                [.. Enumerable.Range(first, Math.Min(BatchSize, messages - first)).Select(
                    number => Message(partition, number, bodies[number % bodies.Length]))];
            var last = batch[^1];
            var move = new Checkpoint(
                claim.Partition,
                claim.Epoch,
                first == 0 ? null : first - 1,
                new Position(last.Offset!, last.SequenceNumber!.Value, last.EnqueuedTime!.Value));
            underWay.Enqueue(pipeline.ProcessAsync(batch, move, cancellationToken));
            if (underWay.Count == 2)
            {
                sum += (await underWay.Dequeue()).Counts;
            }
        }

        while (underWay.TryDequeue(out var next))
        {
            sum += (await next).Counts;
        }

        return sum;
    }

    private static RawEvent Message(int partition, int number, byte[] body)
    {
        var stamp = Start.AddMilliseconds((number * Partitions) + partition);
        return new RawEvent
        {
            Hub = "bombs",
            Partition = partition.ToString(CultureInfo.InvariantCulture),
            Offset = number.ToString(CultureInfo.InvariantCulture),
            SequenceNumber = number,
            RowTime = stamp,
            EnqueuedTime = stamp,
            DeviceId = string.Create(CultureInfo.InvariantCulture, $"dev-{((number * Partitions) + partition) % Devices}"),
            ContentEncoding = "gzip",
            Body = body.AsSpan().ToArray(),
        };
    }
}
