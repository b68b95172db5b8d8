using System.Diagnostics;
using System.Globalization;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Write;
using Npgsql;

namespace Ingest.Benchmarks;

/// <summary>
/// The runs of one case. Each begins with the case's table and ends with a count of its rows. Every way keeps its connections from one run
/// to the next, as in a process that lives: a new one first has to map the server's shared memory, page by page.
/// </summary>
internal sealed class WriteBenchmarkRun : IAsyncDisposable
{
    private const int SmallBatch = 100;
    private const int ManyPartitions = 32;

    // One under way and one waiting, as the worker has.
    private const int DeliveriesInFlight = 2;

    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(2);

    private readonly WriteBenchmarkServer _server;
    private readonly WriteBenchmarkPlan _plan;
    private readonly string _name;
    private readonly WriteBenchmarkRows _rows;
    private readonly LatencyRelay? _relay;
    private readonly DatabaseSettings _database;
    private readonly NpgsqlDataSource _source;
    private readonly Dictionary<string, WriteWayConnection[]> _connections = [];

    public WriteBenchmarkRun(WriteBenchmarkServer server, WriteBenchmarkPlan plan, string name)
    {
        _server = server;
        _plan = plan;
        _name = name;
        _rows = name switch
        {
            "smallBatches" => WriteBenchmarkRows.Interleaved(plan.Rows, SmallBatch, ManyPartitions, TimeSpan.Zero),
            "skewedPartitions" => WriteBenchmarkRows.Interleaved(plan.Rows, SmallBatch, ManyPartitions, Skew),
            _ => WriteBenchmarkRows.InOrder(plan.Rows, plan.Flush, plan.Connections == 1 ? 1 : plan.Connections * 4),
        };
        var connectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString);
        if (name == "latency")
        {
            _relay = new LatencyRelay(connectionString.Port, plan.Latency);
            connectionString.Port = _relay.Port;
        }

        _database = new DatabaseSettings { ConnectionString = connectionString.ConnectionString };
        _source = DatabaseConnections.Create(_database);
    }

    public async Task<WriteRun> RunAsync(string way, CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync($"TRUNCATE {Table}, dead_letters, checkpoints", cancellationToken);
        await _server.ExecuteAsync("CHECKPOINT", cancellationToken);
        var known = way == "copy" ? 0 : StoreKnown();
        if (known > 0)
        {
            await _server.ExecuteAsync("ANALYZE conditions", cancellationToken);
        }

        var run = way == "ingest"
            ? await IngestAsync(known, cancellationToken)
            : await OtherAsync(way, cancellationToken);
        var stored = await _server.ScalarAsync<long>($"SELECT count(*) FROM {Table}", cancellationToken);
        var expected = way is "copy" ? _rows.Count * ValuesOfRow : way is "copyNew" ? _rows.Count : known + (run.Rows - Known(run.Rows));
        return stored != expected
            ? throw new InvalidOperationException($"{way}, {_name}: {stored} rows are stored instead of {expected}.")
            : run;
    }

    /// <summary>Whether a way is measured in the case.</summary>
    public bool Takes(string way) => way switch
    {
        "ingest" => true,
        "copyNew" => IsMixed,
        _ => !IsNarrow,
    };

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections.Values.SelectMany(connections => connections))
        {
            connection.Dispose();
        }

        await _source.DisposeAsync();
        if (_relay is not null)
        {
            await _relay.DisposeAsync();
        }
    }

    private bool IsMixed => _name is "onePercent" or "halfDuplicates";

    private bool IsNarrow => _name == "narrow";

    private string Table => IsNarrow ? "points" : "conditions";

    // A narrow table has a row for the temperature and one for the humidity.
    private int ValuesOfRow => IsNarrow ? 2 : 1;

    private bool IsKnown(int row) => _name switch
    {
        "allDuplicates" => true,
        "onePercent" => row % 100 == 37,
        "halfDuplicates" => row % 2 == 1,
        _ => false,
    };

    private int Known(int rows) => Enumerable.Range(0, rows).Count(IsKnown);

    /// <summary>Stores what the case says is stored already; not measured.</summary>
    private int StoreKnown()
    {
        var known = Enumerable.Range(0, _rows.Count).Where(IsKnown).ToArray();
        if (known.Length > 0)
        {
            using var copy = WriteWayConnection.Open("copy", _server.ConnectionString);
            copy.Write(_rows.Only(known), 0, known.Length);
        }

        return known.Length;
    }

    private async Task<WriteRun> OtherAsync(string way, CancellationToken cancellationToken)
    {
        var source = way == "copyNew" ? _rows.Only([.. Enumerable.Range(0, _rows.Count).Where(row => !IsKnown(row))]) : _rows;
        var rows = way == "copyNew" ? source.Count : PartOf(way);

        // COPY is given large flushes of the same rows in the same order; the others take what a partition delivers.
        var size = way is "copy" or "copyNew" ? _plan.Flush : _rows.Deliveries[0].Count;
        if (!_connections.TryGetValue(way, out var connections))
        {
            connections = [.. Enumerable.Range(0, _plan.Connections).Select(_ =>
                WriteWayConnection.Open(IsNarrow ? "copyNarrow" : way, _database.ConnectionString))];
            _connections.Add(way, connections);
        }

        return await MeasureAsync(rows * ValuesOfRow, () => Task.WhenAll(connections.Select((connection, number) => Task.Factory.StartNew(
            () =>
            {
                for (var start = number * size; start < rows; start += size * connections.Length)
                {
                    connection.Write(source, start, Math.Min(size, rows - start));
                }
            },
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))), cancellationToken);
    }

    private int PartOf(string way)
    {
        var part = way switch
        {
            "statementPerEvent" => 200,
            "singleRowsBatched" => 10,
            "multiRowValues" => 4,
            _ => 1,
        };
        return Math.Max(1, _rows.Deliveries.Count / part) * _rows.Deliveries[0].Count;
    }

    private async Task<WriteRun> IngestAsync(int known, CancellationToken cancellationToken)
    {
        var options = new IngestSettings
        {
            Database = _database,
            Telemetry = IsNarrow ? WriteBenchmarkServer.Narrow() : new TelemetrySettings(),
            Commit = new CommitSettings { MaxRows = _plan.Flush, Writers = _plan.Connections },
        };
        await using var pipeline = new IngestPipeline(_source, options);
        var partitions = _rows.Deliveries.GroupBy(delivery => delivery.Partition).ToArray();
        var claimed = await new CheckpointTable(_source).ClaimAsync(
            "benchmark/hub",
            "benchmark",
            [.. partitions.Select(partition => partition.Key.ToString(CultureInfo.InvariantCulture))],
            cancellationToken);
        var counts = new ReadingCounts[partitions.Length];
        var run = await MeasureAsync(
            _rows.Count * ValuesOfRow,
            () => Task.WhenAll(partitions.Select((partition, index) => Task.Run(
                async () => counts[index] = await DeliverAsync(pipeline, claimed[index], partition, cancellationToken),
                cancellationToken))),
            cancellationToken);
        var total = counts.Aggregate((sum, next) => sum + next);
        return total.Balance && total.Received == _rows.Count * ValuesOfRow && total.Duplicate == known
            ? run
            : throw new InvalidOperationException($"{_name}: {total} instead of {_rows.Count} readings with {known} duplicates.");
    }

    private static async Task<ReadingCounts> DeliverAsync(
        IngestPipeline pipeline, StoredCheckpoint claimed, IEnumerable<Delivery> deliveries, CancellationToken cancellationToken)
    {
        var total = default(ReadingCounts);
        long? from = null;
        var underWay = new Queue<Task<BatchResult>>();
        foreach (var delivery in deliveries)
        {
            var last = delivery.Events[^1];
            var to = new Position(string.Empty, last.SequenceNumber!.Value, last.EnqueuedTime!.Value);
            underWay.Enqueue(
                pipeline.ProcessAsync(delivery.Events, new Checkpoint(claimed.Partition, claimed.Epoch, from, to), cancellationToken));
            from = to.SequenceNumber;
            if (underWay.Count == DeliveriesInFlight)
            {
                total += (await underWay.Dequeue()).Counts;
            }
        }

        while (underWay.TryDequeue(out var left))
        {
            total += (await left).Counts;
        }

        return total;
    }

    private async Task<WriteRun> MeasureAsync(int rows, Func<Task> write, CancellationToken cancellationToken)
    {
        var wal = await _server.WalPositionAsync(cancellationToken);
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        var serverCpu = _server.CpuSeconds();
        var cpu = process.TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var started = TimeProvider.System.GetTimestamp();
        await write();
        var elapsed = TimeProvider.System.GetElapsedTime(started);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;
        serverCpu = _server.CpuSeconds() - serverCpu;
        return new WriteRun(
            rows,
            elapsed.TotalSeconds,
            cpu.TotalSeconds,
            serverCpu,
            allocated,
            (long)(await _server.WalPositionAsync(cancellationToken) - wal));
    }
}
