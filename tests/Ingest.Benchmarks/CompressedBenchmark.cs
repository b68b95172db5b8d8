using System.CommandLine;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Ingest.Write;
using Npgsql;

namespace Ingest.Benchmarks;

/// <summary>
/// A replay of a month into compressed chunks, on a real TimescaleDB: what it does to the chunks, and how fast it goes. Once with nothing
/// new, and once with one late reading in a hundred.
/// </summary>
internal static class CompressedBenchmark
{
    private const int Flush = 5_000;
    private const int DeliveriesInFlight = 2;

    private static readonly TimeProvider Clock = TimeProvider.System;

    public static Command Command()
    {
        var days = new Option<int>("--days") { Description = "Days of data, a chunk each.", DefaultValueFactory = _ => 30 };
        var devices = new Option<int>("--devices") { Description = "Devices, a reading a minute each.", DefaultValueFactory = _ => 50 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("compressed", "A replay into compressed chunks.") { days, devices, json };
        command.SetAction(async (result, cancellationToken) =>
        {
            var report = await RunAsync(new CompressedMonth(result.GetValue(days), result.GetValue(devices)), cancellationToken);
            Console.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(report, JsonSerializerOptions.Web) : Text(report));
        });
        return command;
    }

    private static async Task<Report> RunAsync(CompressedMonth month, CancellationToken cancellationToken)
    {
        await using var fixture = new TimescaleFixture();
        await using var database = await fixture.CreateAsync(cancellationToken);
        var settings = new DatabaseSettings { ConnectionString = database.ConnectionString, Copy = !database.IsEmbedded };
        await using var source = DatabaseConnections.Create(settings);
        var chunks = new CompressedChunks(source);

        List<Pass> passes = [await PassAsync("store", source, settings, month.Events(withNew: false), chunks, cancellationToken)];
        await chunks.CompressAsync(cancellationToken);
        var read = await chunks.ReadAsync(month.Middle, month.Middle + month.SpanOf(Flush), cancellationToken);
        foreach (var (name, withNew) in new[] { ("replay", false), ("replayWithNew", true) })
        {
            passes.Add(await PassAsync(name, source, settings, month.Events(withNew), chunks, cancellationToken));
        }

        var stored = await chunks.ScalarAsync<long>("SELECT count(*) FROM conditions", cancellationToken);
        if (passes.Any(pass => !pass.Counts.Balance)
            || passes[0].Counts.Stored != month.Readings || passes[1].Counts.Duplicate != month.Readings
            || passes[2].Counts.Duplicate != month.Readings
            || stored != month.Readings + passes[2].Counts.Stored
            || stored != month.Readings + month.New)
        {
            throw new InvalidOperationException(
                $"The work was not done: {stored} rows of {month.Readings} readings and {month.New} new ones, "
                    + $"{string.Join(", ", passes.Select(pass => pass.Counts))}.");
        }

        return new Report(
            month.Readings,
            month.New,
            [.. passes.Select((pass, index) => new Figures(
                pass.Name,
                Math.Round(pass.Counts.Received / pass.Seconds),
                pass.Counts.Stored,
                pass.Counts.Duplicate,
                pass.Retries,
                pass.After.States,
                pass.After.UncompressedRows,
                index == 0 ? 0 : pass.After.UncompressedRows - passes.Skip(1).Take(index).Sum(earlier => earlier.Counts.Stored)))],
            read.Returned,
            read.Decompressed,
            (database.IsEmbedded ? "embedded, " : "") + await chunks.ScalarAsync<string>(
                "SELECT 'PostgreSQL ' || current_setting('server_version') || ', TimescaleDB ' || extversion || ', limit of "
                    + "decompressed tuples ' || current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction') FROM "
                    + "pg_extension WHERE extname = 'timescaledb'",
                cancellationToken),
            Machine.Shape,
            Machine.LoadAverage());
    }

    private static async Task<Pass> PassAsync(
        string name,
        NpgsqlDataSource source,
        DatabaseSettings settings,
        IEnumerable<RawEvent> events,
        CompressedChunks chunks,
        CancellationToken cancellationToken)
    {
        var retries = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == PipelineMetrics.SourceName && instrument.Name == "ingest.flush.retries")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref retries, count));
        listener.Start();

        var total = default(ReadingCounts);
        double seconds;
        await using (var pipeline = new IngestPipeline(
            source,
            new IngestSettings
            {
                Database = settings,
                Commit = new CommitSettings { MaxRows = Flush, ExpectDuplicates = name != "store" },
            }))
        {
            var started = Clock.GetTimestamp();
            var underWay = new Queue<Task<BatchResult>>();
            foreach (var batch in events.Chunk(Flush))
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

            seconds = Clock.GetElapsedTime(started).TotalSeconds;
        }

        return new Pass(name, seconds, total, retries, await chunks.StateAsync(cancellationToken));
    }

    private static string Text(Report report) => string.Join(
        Environment.NewLine,
        [
            $"{report.Readings:n0} readings, {report.New:n0} late ones",
            .. report.Passes.Select(pass => string.Create(
                CultureInfo.InvariantCulture,
                $"{pass.Name,-13}: {pass.ReadingsPerSecond,8:n0} readings/s; stored {pass.Stored:n0}, duplicate {pass.Duplicate:n0}, "
                    + $"retries {pass.Retries}; chunks afterwards: "
                    + $"{string.Join(", ", pass.Chunks.Select(state => $"{state.Value} {state.Key}"))}; {pass.UncompressedRows:n0} rows "
                    + $"outside of compressed batches, {pass.RowsDecompressed:n0} of them decompressed")),
            $"reading the stretch of {Flush:n0} readings returns {report.RowsReadAFlush:n0} rows and unpacks "
                + $"{report.RowsUnpackedAFlush:n0}",
            report.Server,
            $"{report.Machine}; load average afterwards {report.LoadAverageAfterwards}",
        ]);

    private sealed record Pass(string Name, double Seconds, ReadingCounts Counts, long Retries, ChunkState After);

    private sealed record Figures(
        string Name,
        double ReadingsPerSecond,
        long Stored,
        long Duplicate,
        long Retries,
        IReadOnlyDictionary<string, int> Chunks,
        long UncompressedRows,
        long RowsDecompressed);

    private sealed record Report(
        long Readings,
        long New,
        IReadOnlyList<Figures> Passes,
        long RowsReadAFlush,
        long RowsUnpackedAFlush,
        string Server,
        string Machine,
        string? LoadAverageAfterwards);
}
