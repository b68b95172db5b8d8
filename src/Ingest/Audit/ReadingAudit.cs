using System.Collections.Concurrent;
using System.Data;
using System.Runtime.CompilerServices;
using Ingest.Checkpoints;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Schema;
using Npgsql;

namespace Ingest.Audit;

/// <summary>
/// Looks for every reading of messages in the table and among the dead letters, by content, and for rows that no message explains. Only
/// reads: SELECT on the tables is enough, and a standby will do. Bounded memory: what it has to remember of all readings (the keys of the
/// rows that were found, 16 bytes each, and the readings that were not) is in a temporary folder.
/// </summary>
/// <remarks>
/// <para>Give it all messages of a range (<see cref="ProcessAsync"/>, which stores nothing), then ask for what is wrong
/// (<see cref="FindingsAsync"/>), then for the <see cref="Counts"/>.</para>
/// <para>A rejected reading without a dead letter counts as not kept as far as the quotas' counts of its device go: which of a device's
/// dead letters were not kept, nobody knows. If there are more, all of the device's are missing.</para>
/// </remarks>
public sealed class ReadingAudit : IAsyncDisposable
{
    /// <summary>In the place of a stored jsonb value, which the server is not asked to write out.</summary>
    public const string UnreadJson = "(jsonb)";

    private const int MostConnections = 4;

    private readonly NpgsqlDataSource _dataSource;
    private readonly TargetTable _table;
    private readonly Func<RawEvent, bool> _isNotYetRead;
    private readonly BatchDecoder _decoder;
    private readonly PartLimits _limits;
    private readonly AuditStore _store;
    private readonly DateTime _oldestLetter;
    private readonly SemaphoreSlim _connections;
    private readonly ConcurrentBag<BatchLook> _idle = [];
    private readonly string _folder;
    private readonly ExplainedRows _explained;
    private readonly LostReadings _lost;
    private readonly Lock _lock = new();
    private AuditCounts _counts;

    /// <param name="dataSource">The database.</param>
    /// <param name="mapping">How messages become rows.</param>
    /// <param name="settings">The settings, validated.</param>
    /// <param name="isNotYetRead">Whether a message is behind the worker's checkpoint, and so need not be stored yet.</param>
    /// <param name="clock">The time.</param>
    public ReadingAudit(
        NpgsqlDataSource dataSource,
        TelemetryMapping mapping,
        IngestSettings settings,
        Func<RawEvent, bool> isNotYetRead,
        TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(mapping);
        _dataSource = dataSource;
        _table = TargetTable.Of(mapping);
        RowsAreStamped = mapping.Time is null;
        _isNotYetRead = isNotYetRead;
        _decoder = new BatchDecoder(mapping, settings.Telemetry, clock);
        _limits = new PartLimits(settings.Commit.MaxRows, settings.Commit.MaxBytes);
        _store = new AuditStore(dataSource, _table);
        _oldestLetter = settings.DeadLetters.RetentionDays == 0
            ? DateTime.MinValue
            : clock.GetUtcNow().UtcDateTime.AddDays(-settings.DeadLetters.RetentionDays);
        var pool = new NpgsqlConnectionStringBuilder(dataSource.ConnectionString).MaxPoolSize;
        _connections = new SemaphoreSlim(Math.Clamp(pool, 1, MostConnections));
        _folder = Directory.CreateTempSubdirectory("ingest-audit-").FullName;
        _explained = new ExplainedRows(_folder);
        _lost = new LostReadings(Path.Combine(_folder, "lost"));
    }

    /// <summary>Whether a row's time is its message's stamp, so that a range of messages has the rows of a stretch of time.</summary>
    public bool RowsAreStamped { get; }

    /// <summary>What was judged so far; complete when <see cref="FindingsAsync"/> has ended.</summary>
    public AuditCounts Counts => _counts;

    /// <summary>Looks for the readings of a batch. Thread-safe.</summary>
    /// <param name="events">The messages.</param>
    /// <param name="checkpoint">Not used: an audit moves none.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    /// <returns>As stored the readings with a row, as dead-lettered those with a dead letter.</returns>
    /// <exception cref="NpgsqlException">The database cannot be asked.</exception>
    public async Task<BatchResult> ProcessAsync(
        IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        var all = default(ReadingCounts);
        for (var next = 0; next < events.Count;)
        {
            using var decoded = _decoder.Decode(events, next, _limits);
            next = decoded.EndIndex;
            var counts = await LookAsync(decoded, cancellationToken);
            Add(counts);
            all += new ReadingCounts(counts.Received, counts.Found, 0, counts.DeadLettered, counts.Ignored);
        }

        return new BatchResult(all, default);
    }

    /// <summary>What is wrong: readings that are nowhere or stored with other values, then rows that no message explains.</summary>
    /// <param name="rows">Between which times rows need a message, the second excluded; null: rows are not looked at.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    public async IAsyncEnumerable<AuditFinding> FindingsAsync(
        (DateTime From, DateTime To)? rows,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var unexplained = new UnexplainedRows();
        if (rows is { } range)
        {
            await foreach (var row in _store.RowsWithoutAsync(_explained, range, cancellationToken))
            {
                Add(new AuditCounts(Unexplained: 1));
                if (!unexplained.Add(row))
                {
                    yield return Finding(row, null);
                }
            }
        }

        var notKept = await _store.NotKeptAsync(_lost.Devices, cancellationToken);
        foreach (var lost in _lost.All())
        {
            if (lost.Quota is { } device && _lost.CountOf(device) <= notKept.GetValueOrDefault(device))
            {
                Add(new AuditCounts(NotKept: 1));
            }
            else if (lost.Finding.Reason is null
                && unexplained.Take(Instant.Of(lost.Finding.Time!.Value), lost.Finding.Device!, lost.Finding.Metric) is { } row)
            {
                Add(new AuditCounts(Different: 1, Unexplained: -1));
                yield return lost.Finding with { Fault = AuditFault.Different, Stored = await _store.ValuesAsync(row, cancellationToken) };
            }
            else
            {
                Add(new AuditCounts(Missing: 1));
                yield return lost.Finding;
            }
        }

        foreach (var row in unexplained.Left())
        {
            yield return Finding(row, await _store.ValuesAsync(row, cancellationToken));
        }
    }

    public ValueTask DisposeAsync()
    {
        foreach (var look in _idle)
        {
            look.Dispose();
        }

        _explained.Dispose();
        _lost.Dispose();
        Directory.Delete(_folder, recursive: true);
        _connections.Dispose();
        return ValueTask.CompletedTask;
    }

    private static AuditFinding Finding(StoredRow row, IReadOnlyDictionary<string, string?>? values) => new()
    {
        Fault = AuditFault.Unexplained,
        Time = row.Time.ToDateTime(),
        Device = row.Device,
        Metric = row.Metric,
        Stored = values,
    };

    private async Task<AuditCounts> LookAsync(DecodedBatch decoded, CancellationToken cancellationToken)
    {
        await _connections.WaitAsync(cancellationToken);
        var look = _idle.TryTake(out var idle) ? idle : new BatchLook(_table);
        try
        {
            await using var connection = await _dataSource.OpenConnectionAsync(cancellationToken);

            // One instant for both looks: a dead letter that becomes a row in between would be in neither.
            await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            await look.RunAsync(connection, decoded, cancellationToken);
            _explained.Add(look.Explained);
            return Judge(decoded, look);
        }
        finally
        {
            // The next batch has it from here on.
            _idle.Add(look);
            _connections.Release();
        }
    }

    private AuditCounts Judge(DecodedBatch decoded, BatchLook look)
    {
        var counts = new AuditCounts(
            Received: decoded.Received,
            Found: look.Found,
            DeadLettered: look.DeadLettered,
            NotKept: look.CountedOnly.Sum(count => count.Count),
            Ignored: decoded.Ignored + look.Forgotten);
        foreach (var (device, count) in look.CountedOnly)
        {
            _lost.CountOnly(device, count);
        }

        foreach (var lost in look.Lost)
        {
            if (_isNotYetRead(lost.Message))
            {
                counts = counts with { NotYetRead = counts.NotYetRead + 1 };
            }
            else if (lost.Quota is not null && (lost.Message.EnqueuedTime ?? lost.Message.RowTime) < _oldestLetter)
            {
                counts = counts with { PastRetention = counts.PastRetention + 1 };
            }
            else
            {
                _lost.Add(new LostReading(lost.Finding, lost.Quota));
            }
        }

        return counts;
    }

    private void Add(AuditCounts counts)
    {
        lock (_lock)
        {
            _counts = new AuditCounts(
                _counts.Received + counts.Received,
                _counts.Found + counts.Found,
                _counts.DeadLettered + counts.DeadLettered,
                _counts.NotKept + counts.NotKept,
                _counts.PastRetention + counts.PastRetention,
                _counts.Ignored + counts.Ignored,
                _counts.NotYetRead + counts.NotYetRead,
                _counts.Missing + counts.Missing,
                _counts.Different + counts.Different,
                _counts.Unexplained + counts.Unexplained);
        }
    }
}
