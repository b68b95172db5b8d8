using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ingest.Database.Migrations;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Ingest.Write;
using Npgsql;

namespace Ingest.Benchmarks;

/// <summary>
/// New rows into a table that has much already, against an empty one with the same partitions, in interleaved pairs: two databases of one
/// server. The new rows go into a partition that is half full, behind what it has, as they do at noon.
/// </summary>
internal static class LargeBenchmark
{
    private const int Flush = 5_000;
    private const int DeliveriesInFlight = 2;
    private const int RowsAMillisecond = 100;
    private const int Devices = 1_000;

    private static readonly TimeProvider Clock = TimeProvider.System;

    public static Command Command()
    {
        var rows = new Option<int>("--rows") { Description = "Rows of the large table.", DefaultValueFactory = _ => 50_000_000 };
        var partitions =
            new Option<int>("--partitions") { Description = "Its partitions with rows, a day each.", DefaultValueFactory = _ => 12 };
        var newRows = new Option<int>("--new-rows") { Description = "New rows a run.", DefaultValueFactory = _ => 1_000_000 };
        var pairs = new Option<int>("--pairs") { Description = "How often both tables are measured.", DefaultValueFactory = _ => 7 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command(
            "large", "The pipeline's rate into a large table, against an empty one.") { rows, partitions, newRows, pairs, json };
        command.SetAction(async (result, cancellationToken) =>
        {
            var plan = new Plan(
                result.GetValue(rows), result.GetValue(partitions), result.GetValue(newRows) / Flush * Flush, result.GetValue(pairs));
            var report = await RunAsync(plan, cancellationToken);
            Console.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(report, JsonSerializerOptions.Web) : Text(report));
        });
        return command;
    }

    private static async Task<Report> RunAsync(Plan plan, CancellationToken cancellationToken)
    {
        await using var postgres = await NativePostgres.StartAsync(
            new NativePostgresOptions
            {
                Settings = new Dictionary<string, string> { ["fsync"] = "on", ["full_page_writes"] = "on", ["synchronous_commit"] = "on" },
            },
            cancellationToken);
        var noon = Clock.GetUtcNow().UtcDateTime.Date.AddHours(12);
        await using var large = await PrepareAsync(postgres, plan, cancellationToken);
        await using var empty = await PrepareAsync(postgres, plan, cancellationToken);
        var filled = await FillAsync(large, plan, noon, cancellationToken);
        var size = await ScalarAsync<long>(
            large,
            "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'conditions'::regclass",
            cancellationToken);
        await ExecuteAsync(large, "CHECKPOINT", cancellationToken);

        var messages = WriteBenchmarkRows.InOrder(plan.NewRows, Flush, 1).Deliveries;
        var pairs = new List<(double Large, double Empty)>();
        for (var pair = -1; pair < plan.Pairs; pair++)
        {
            // A stretch of time of its own for every pair, so that all rows are new; who goes first changes.
            var from = noon.AddMilliseconds((pair + 1L) * plan.NewRows / RowsAMillisecond);
            var first = pair % 2 == 0 ? await MeasureAsync(large, messages, from, cancellationToken) : 0;
            await ExecuteAsync(empty, "TRUNCATE conditions", cancellationToken);
            var intoEmpty = await MeasureAsync(empty, messages, from, cancellationToken);
            var intoLarge = first > 0 ? first : await MeasureAsync(large, messages, from, cancellationToken);

            // The first pair warms up.
            if (pair >= 0)
            {
                pairs.Add((intoLarge, intoEmpty));
            }
        }

        var expected = filled + ((plan.Pairs + 1L) * plan.NewRows);
        if (await ScalarAsync<long>(large, "SELECT count(*) FROM conditions", cancellationToken) is var stored && stored != expected)
        {
            throw new InvalidOperationException($"The work was not done: {stored} rows instead of {expected}.");
        }

        var ratios = pairs.Select(pair => pair.Large / pair.Empty).Order().ToArray();
        return new Report(
            filled,
            plan.Partitions,
            size >> 20,
            plan.NewRows,
            plan.Pairs,
            Math.Round(Median([.. pairs.Select(pair => pair.Large).Order()])),
            Math.Round(Median([.. pairs.Select(pair => pair.Empty).Order()])),
            Math.Round(Median(ratios), 3),
            Math.Round(ratios[0], 3),
            Math.Round(ratios[^1], 3),
            Machine.Shape,
            Machine.LoadAverage());
    }

    private static async Task<NpgsqlDataSource> PrepareAsync(NativePostgres postgres, Plan plan, CancellationToken cancellationToken)
    {
        var connectionString = await postgres.CreateDatabaseAsync(cancellationToken);
        await DatabaseMigrator.MigrateAsync(connectionString, new MigrationSettings { PlainPostgres = true }, cancellationToken);
        var source = DatabaseConnections.Create(new DatabaseSettings { ConnectionString = connectionString });
        await ExecuteAsync(
            source,
            string.Create(CultureInfo.InvariantCulture, $"SELECT extend_conditions_partitions({plan.Partitions}, 1)"),
            cancellationToken);
        return source;
    }

    /// <summary>
    /// Full days and today until noon, each written by the server itself and vacuumed, so that no vacuum of its own comes in between.
    /// </summary>
    private static async Task<long> FillAsync(NpgsqlDataSource large, Plan plan, DateTime noon, CancellationToken cancellationToken)
    {
        var aDay = (int)(plan.Rows / (plan.Partitions - 0.5));
        long filled = 0;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, plan.Partitions),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken },
            async (daysAgo, token) =>
            {
                var rows = daysAgo == 0 ? aDay / 2 : aDay;
                await using var insert = large.CreateCommand("""
                    INSERT INTO conditions (time, device, temperature, humidity)
                    SELECT $1 + trunc(i * 86400000.0 / $2) * interval '1 millisecond', 'device-'
                        || lpad((i % $3)::text, 4, '0'), 15 + i * 31 % 10000 / 1000.0, 40 + i * 17 % 2000 / 100.0
                    FROM generate_series(0, $4 - 1) AS i
                    """);
                insert.CommandTimeout = 0;
                insert.Parameters.AddWithValue(noon.Date.AddDays(-daysAgo));
                insert.Parameters.AddWithValue(aDay);
                insert.Parameters.AddWithValue(Devices);
                insert.Parameters.AddWithValue((long)rows);
                Interlocked.Add(ref filled, await insert.ExecuteNonQueryAsync(token));
                await ExecuteAsync(
                    large,
                    string.Create(CultureInfo.InvariantCulture, $"VACUUM (FREEZE, ANALYZE) conditions_{noon.AddDays(-daysAgo):yyyyMMdd}"),
                    token);
            });
        return filled;
    }

    /// <returns>Rows a second.</returns>
    private static async Task<double> MeasureAsync(
        NpgsqlDataSource table, IReadOnlyList<Delivery> messages, DateTime from, CancellationToken cancellationToken)
    {
        var shift = from - messages[0].Events[0].RowTime!.Value;
        IReadOnlyList<RawEvent>[] batches =
            [.. messages.Select(delivery => delivery.Events.Select(message => Shifted(message, shift)).ToArray())];
        await using var pipeline = new IngestPipeline(table, new IngestSettings { Commit = new CommitSettings { MaxRows = Flush } });
        GC.Collect();

        var total = default(ReadingCounts);
        var underWay = new Queue<Task<BatchResult>>();
        var started = Clock.GetTimestamp();
        foreach (var batch in batches)
        {
            underWay.Enqueue(pipeline.ProcessAsync(batch, null, cancellationToken));
            if (underWay.Count == DeliveriesInFlight)
            {
                total += (await underWay.Dequeue()).Counts;
            }
        }

        while (underWay.TryDequeue(out var left))
        {
            total += (await left).Counts;
        }

        var elapsed = Clock.GetElapsedTime(started);
        var rows = messages.Sum(delivery => delivery.Count);
        return total.Stored == rows && total.Balance && total.Collisions == 0
            ? rows / elapsed.TotalSeconds
            : throw new InvalidOperationException($"The work was not done: {total} instead of {rows} new rows.");
    }

    private static RawEvent Shifted(RawEvent message, TimeSpan shift) => new()
    {
        Hub = message.Hub,
        Partition = message.Partition,
        SequenceNumber = message.SequenceNumber,
        RowTime = message.RowTime + shift,
        EnqueuedTime = message.EnqueuedTime + shift,
        DeviceId = message.DeviceId,
        MessageSource = message.MessageSource,
        ContentType = message.ContentType,
        ContentEncoding = message.ContentEncoding,
        Body = message.Body,
    };

    private static async Task<T> ScalarAsync<T>(NpgsqlDataSource source, string sql, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static double Median(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;

    private static string Text(Report report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        {report.NewRows:n0} new rows a run into {report.Rows:n0} rows in {report.Partitions} partitions ({report.Mebibytes:n0} MiB): {report.RowsPerSecond:n0} rows/s
        into an empty table: {report.RowsPerSecondEmpty:n0} rows/s
        ratio, median of {report.Pairs} pairs: {report.Ratio} ({report.LowestRatio} to {report.HighestRatio})
        {report.Machine}; load average afterwards {report.LoadAverageAfterwards}
        """);

    private sealed record Plan(int Rows, int Partitions, int NewRows, int Pairs);

    private sealed record Report(
        long Rows,
        int Partitions,
        long Mebibytes,
        int NewRows,
        int Pairs,
        double RowsPerSecond,
        double RowsPerSecondEmpty,
        double Ratio,
        double LowestRatio,
        double HighestRatio,
        string Machine,
        string? LoadAverageAfterwards);
}
