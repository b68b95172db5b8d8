using System.Data;
using Ingest.Checkpoints;
using Ingest.Columns;
using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Ingest.GroupCommit;
using Ingest.Settings;
using Npgsql;

namespace Ingest.Write;

/// <summary>
/// One attempt at a flush: rows, dead letters and checkpoints in one transaction at READ COMMITTED, which commits once and only if every
/// count is as expected. One writer's; its buffers are used again.
/// </summary>
internal sealed class FlushTransaction : IDisposable
{
    // Below this, COPY's own round trip costs more than it saves.
    private const int FewestRowsToCopy = 200;

    // The limit is the server's protection of interactive work; here the rows to compare are few, and a failure would stop the replay.
    private const string LiftDecompressionLimitSql = "SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0";

    private const string TransactionIdSql = "SELECT pg_current_xact_id()::text";
    private const string TransactionStatusSql = "SELECT pg_xact_status($1::text::xid8)";

    private readonly NpgsqlDataSource _dataSource;
    private readonly CommitSettings _settings;
    private readonly bool _copy;
    private readonly TimeProvider _clock;
    private readonly RowWriter _writer;
    private readonly DeadLetterTable _deadLetters;
    private readonly FlushRows _rows = new();
    private readonly TwinTable _twins = new();
    private readonly ReadingColumns _stored;
    private long[] _stamps = [];

    public FlushTransaction(
        NpgsqlDataSource dataSource, TargetTable table, CommitSettings settings, DeadLetterSettings deadLetters, bool copy, TimeProvider clock)
    {
        _dataSource = dataSource;
        _settings = settings;
        _copy = copy;
        _clock = clock;
        _writer = new RowWriter(table);
        _deadLetters = new DeadLetterTable(deadLetters.QuotaPerDeviceAndDay);
        _stored = new ReadingColumns(table.Columns);
    }

    /// <summary>
    /// Which rows and dead letters the last attempt was going to write, as a hash: two attempts in a row that compared, planned the same and
    /// met a unique index both times did not meet the one on (time, device), nor the key of the dead letters.
    /// </summary>
    public int LastPlan { get; private set; }

    public TargetTable Table => _writer.Table;

    public void Dispose() => _stored.Dispose();

    public async Task<Attempt> RunAsync(Flush flush, WriteWay way, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await BeginAsync(connection, flush, cancellationToken);
        await PlaceAsync(connection, flush, way, cancellationToken);
        if (way == WriteWay.Compared && Contradicts() is { } differs)
        {
            return differs;
        }

        var now = _clock.GetUtcNow().UtcDateTime;
        var letters = Letters(flush);
        if (letters.Count > 0)
        {
            await _deadLetters.DecideAsync(connection, letters, DateOnly.FromDateTime(now), cancellationToken);
        }

        LastPlan = Plan(letters);
        var outcome = Account(flush, letters);
        if (flush.Presumed is { } presumed && !outcome.StoresSomething)
        {
            return new Attempt.Committed(presumed.Outcome);
        }

        if (_rows.New > 0 && !await WriteBulkAsync(connection, flush, cancellationToken))
        {
            return new Attempt.Conflict();
        }

        var statements = DeadLetterTable.Statements(letters);
        if (!await WriteLettersAsync(connection, statements, now, cancellationToken))
        {
            return new Attempt.Conflict();
        }

        var (wrote, conflict, fenced, transactionId) = await FinishAsync(connection, flush, letters, statements, outcome, now, cancellationToken);
        if (conflict)
        {
            return new Attempt.Conflict();
        }

        if (fenced)
        {
            await transaction.RollbackAsync(cancellationToken);
            return new Attempt.Fenced(await ReadCheckpointsAsync(connection, flush.Batches, cancellationToken));
        }

        if (wrote)
        {
            await CommitAsync(transaction, flush, new UnknownCommit(outcome, transactionId));
        }

        return new Attempt.Committed(outcome);

        Attempt.Differs? Contradicts()
        {
            if (_settings.AcceptDifferences || _twins.KnownKeys < _settings.DifferencesToRefuse || _twins.Differing * 2L <= _twins.KnownKeys)
            {
                return null;
            }

            var batches = flush.Batches.Where((_, index) => _twins.ByBatch[index].Differing * 2L > _twins.ByBatch[index].Known);
            return new Attempt.Differs([.. batches], _twins.KnownKeys, _twins.Differing);
        }
    }

    /// <summary>Finds the rows that the server refuses, by halving under savepoints in a transaction that is rolled back.</summary>
    /// <returns>How many rows were tried, and the refused ones with what the server said.</returns>
    public async Task<(int Tried, IReadOnlyList<RefusedRow> Refused)> ProbeAsync(Flush flush, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await BeginAsync(connection, flush, cancellationToken);
        await PlaceAsync(connection, flush, WriteWay.Compared, cancellationToken);
        await using (var immediate = new NpgsqlCommand("SET CONSTRAINTS ALL IMMEDIATE", connection))
        {
            await immediate.ExecuteNonQueryAsync(cancellationToken);
        }

        var refused = new List<RefusedRow>();
        var ranges = new Stack<Range>();
        for (var start = 0; start < _rows.Count; start += flush.StatementRows)
        {
            ranges.Push(start..Math.Min(_rows.Count, start + flush.StatementRows));
        }

        while (ranges.TryPop(out var range))
        {
            var (start, length) = range.GetOffsetAndLength(_rows.Count);
            await transaction.SaveAsync("probe", cancellationToken);
            try
            {
                await using var batch = new NpgsqlBatch(connection) { BatchCommands = { _writer.Upsert(_rows, range) } };
                await batch.ExecuteNonQueryAsync(cancellationToken);
                await transaction.ReleaseAsync("probe", cancellationToken);
            }
            catch (Exception exception) when (Halves(exception, length) && connection.State == ConnectionState.Open)
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                var middle = start + (length / 2);
                ranges.Push(middle..(start + length));
                ranges.Push(start..middle);
            }
            catch (PostgresException exception) when (PostgresFailure.Of(exception).Kind is FailureKind.Poison or FailureKind.Conflict)
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                if (_rows.IsNew(start))
                {
                    refused.Add(new RefusedRow(_rows.Batches[_rows.BatchOf(start)], _rows.RowOf(start), exception.SqlState, exception.ColumnName, exception.MessageText));
                }
            }
        }

        return (_rows.New, refused);
    }

    /// <summary>Asks what became of commits that got no answer.</summary>
    /// <returns>The outcome, if the flush's checkpoints say that one was carried out; else null.</returns>
    public async Task<FlushOutcome?> ResolveAsync(Flush flush, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        foreach (var unknown in flush.Unknown)
        {
            if (unknown.TransactionId is null)
            {
                var stored = await ReadCheckpointsAsync(connection, unknown.Outcome.Batches.Select(pair => pair.Batch), cancellationToken);
                if (StandsAtItsEnd(unknown.Outcome, stored))
                {
                    return unknown.Outcome;
                }
            }
            else
            {
                switch (await StatusAsync(connection, unknown.TransactionId, cancellationToken))
                {
                    case "committed":
                        flush.Presumed = unknown;
                        return null;
                    case "in progress":
                        throw new DatabaseBusyException("The server is still busy with a COMMIT whose answer was lost. It is asked again until it says what became of it.");
                }
            }
        }

        return null;
    }

    private static bool Halves(Exception exception, int rows) => PostgresFailure.Of(exception).Kind switch
    {
        FailureKind.Poison or FailureKind.Conflict => rows > 1,
        FailureKind.TooSlow => rows > Flush.FewestStatementRows,
        _ => false,
    };

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _dataSource.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception exception) when (PostgresFailure.Of(exception).Kind == FailureKind.TooSlow)
        {
            // A smaller flush would not make the server answer sooner.
            throw new DatabaseBusyException(
                $"The database gave no connection in time ({exception.Message.TrimEnd('.')}). Look for an exhausted server or pooler, a silent network, or a pool smaller than Commit:Writers.",
                exception);
        }
    }

    private static bool StandsAtItsEnd(FlushOutcome outcome, Dictionary<PartitionKey, StoredCheckpoint> stored)
    {
        var last = CheckpointMoves.Telling(outcome.Batches.Select(pair => pair.Batch.Checkpoint).OfType<Checkpoint>())!;
        return stored.TryGetValue(last.Partition, out var now) && now.Epoch == last.Epoch && now.Position?.SequenceNumber == last.To.SequenceNumber;
    }

    private static async Task<string?> StatusAsync(NpgsqlConnection connection, string transactionId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(TransactionStatusSql, connection) { Parameters = { new NpgsqlParameter<string> { TypedValue = transactionId } } };
        try
        {
            return await command.ExecuteScalarAsync(cancellationToken) as string;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InvalidParameterValue)
        {
            // The server does not know the id yet: another one has taken over, without our transaction.
            return null;
        }
    }

    private static Task<Dictionary<PartitionKey, StoredCheckpoint>> ReadCheckpointsAsync(
        NpgsqlConnection connection, IEnumerable<PendingBatch> batches, CancellationToken cancellationToken) =>
        CheckpointStore.ReadAsync(connection, [.. batches.Select(batch => batch.Checkpoint?.Partition).OfType<PartitionKey>().Distinct()], cancellationToken);

    private static async Task<NpgsqlTransaction> BeginAsync(NpgsqlConnection connection, Flush flush, CancellationToken cancellationToken)
    {
        var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        if (flush.LiftDecompressionLimit)
        {
            await using var lift = new NpgsqlCommand(LiftDecompressionLimitSql, connection);
            await lift.ExecuteNonQueryAsync(cancellationToken);
        }

        return transaction;
    }

    private static async Task CommitAsync(NpgsqlTransaction transaction, Flush flush, UnknownCommit attempt)
    {
        try
        {
            // Not cancelled by anybody: an answer within the command timeout is worth more than leaving early without knowing.
            await transaction.CommitAsync(CancellationToken.None);
        }
        catch (Exception exception) when (PostgresFailure.LeavesCommitUnknown(exception))
        {
            flush.Unknown.Add(attempt);
            throw;
        }
    }

    private async Task PlaceAsync(NpgsqlConnection connection, Flush flush, WriteWay way, CancellationToken cancellationToken)
    {
        _rows.Load([.. flush.Batches.Select(batch => batch.Ready)]);
        _twins.Load(_rows);
        if (way == WriteWay.Compared)
        {
            await _writer.ReadStoredAsync(connection, StampWindows.Cover(Stamps()), _twins, _stored, cancellationToken);
        }

        _twins.Resolve(flush.Refused);
    }

    private Span<long> Stamps()
    {
        if (_stamps.Length < _rows.Count)
        {
            _stamps = new long[_rows.Count];
        }

        for (var row = 0; row < _rows.Count; row++)
        {
            _stamps[row] = _rows.Stamp(row);
        }

        return _stamps.AsSpan(0, _rows.Count);
    }

    private int Plan(IReadOnlyList<DeadLetter> letters)
    {
        var plan = new HashCode();
        for (var row = 0; row < _rows.Count; row++)
        {
            plan.Add(_rows.IsNew(row) ? _rows.Times[row] : -1);
        }

        foreach (var letter in letters.Where(letter => letter.Fate == DeadLetterFate.Kept))
        {
            plan.AddBytes(letter.Key);
        }

        return plan.ToHashCode();
    }

    private IReadOnlyList<DeadLetter> Letters(Flush flush)
    {
        var letters = new DeadLetterList();
        for (var batch = 0; batch < flush.Batches.Count; batch++)
        {
            var decoded = flush.Batches[batch].Ready;
            foreach (var rejection in decoded.Rejections)
            {
                letters.Add(decoded.Events[rejection.Event], batch, rejection);
            }
        }

        for (var row = 0; row < _rows.Count; row++)
        {
            if (_rows.Fates[row] is RowFate.TooManyCollisions or RowFate.Refused)
            {
                var (reason, detail) = _rows.Fates[row] == RowFate.Refused
                    ? (RejectReason.RefusedByDatabase, flush.Refused.Detail(_rows.Batches[_rows.BatchOf(row)], _rows.RowOf(row)))
                    : (RejectReason.TooManyCollisions, "The device has a thousand other readings at this stamp.");
                var readings = _rows.ReadingsOf(row);
                var index = readings.Events[_rows.RowOf(row)];
                var rejection = new Rejection(index, readings.Elements[_rows.RowOf(row)], reason, detail);
                letters.Add(_rows.Batches[_rows.BatchOf(row)].Events[index], _rows.BatchOf(row), rejection);
            }
        }

        return letters.Letters;
    }

    private FlushOutcome Account(Flush flush, IReadOnlyList<DeadLetter> letters)
    {
        var accounts = new Accounts[flush.Batches.Count];
        for (var batch = 0; batch < accounts.Length; batch++)
        {
            var pending = flush.Batches[batch];
            accounts[batch] = new Accounts(Received: pending.Ready.Received, Ignored: pending.Ready.Ignored, Missed: pending.Checkpoint?.Missed ?? 0);
        }

        for (var row = 0; row < _rows.Count; row++)
        {
            ref var account = ref accounts[_rows.BatchOf(row)];
            account = _rows.Fates[row] switch
            {
                RowFate.Stored => account with { Stored = account.Stored + 1 },
                RowFate.Collision => account with { Stored = account.Stored + 1, Collisions = account.Collisions + 1 },
                RowFate.Duplicate => account with { Duplicate = account.Duplicate + 1 },
                _ => account,
            };
        }

        var reasons = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var letter in letters)
        {
            ref var account = ref accounts[letter.Batch];
            if (letter.Fate == DeadLetterFate.Duplicate)
            {
                account = account with { Duplicate = account.Duplicate + 1 };
                continue;
            }

            account = account with
            {
                DeadLettered = account.DeadLettered + 1,
                NotKept = account.NotKept + (letter.Fate == DeadLetterFate.NotKept ? 1 : 0),
            };
            var reason = RejectReasonCode.Of(letter.Rejection.Reason);
            reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
        }

        return new FlushOutcome(
            [.. flush.Batches.Select((batch, index) => (batch, accounts[index]))],
            reasons,
            _twins.KnownKeys,
            _rows.New > 0 || letters.Any(letter => letter.Fate == DeadLetterFate.Kept));
    }

    // Keeps all dead letters but those of the last statement, which goes into the last round trip: mostly there is no more than one.
    private static async Task<bool> WriteLettersAsync(
        NpgsqlConnection connection, IReadOnlyList<IReadOnlyList<DeadLetter>> statements, DateTime now, CancellationToken cancellationToken)
    {
        for (var statement = 0; statement < statements.Count - 1; statement++)
        {
            await using var batch = new NpgsqlBatch(connection) { BatchCommands = { DeadLetterTable.Insert(statements[statement], now) } };
            if (await batch.ExecuteNonQueryAsync(cancellationToken) != statements[statement].Count)
            {
                return false;
            }
        }

        return true;
    }

    // Writes what does not fit into the last round trip.
    private async Task<bool> WriteBulkAsync(NpgsqlConnection connection, Flush flush, CancellationToken cancellationToken)
    {
        var copy = _copy && _rows.New >= FewestRowsToCopy;
        if (!copy && _rows.Count <= flush.StatementRows)
        {
            return true;
        }

        long written = 0;
        for (var start = 0; start < _rows.Count;)
        {
            var end = (int)Math.Min(_rows.Count, (long)start + flush.StatementRows);
            if (copy)
            {
                written += await _writer.CopyAsync(connection, _rows, start..end, cancellationToken);
            }
            else
            {
                await using var batch = new NpgsqlBatch(connection) { BatchCommands = { _writer.Upsert(_rows, start..end) } };
                written += await batch.ExecuteNonQueryAsync(cancellationToken);
            }

            start = end;
        }

        return written == _rows.New;
    }

    // The last round trip before COMMIT: what is few enough of the rows, the dead letters, the checkpoints, and the transaction's id where
    // no checkpoint would tell whether it was committed.
    private async Task<(bool Wrote, bool Conflict, bool Fenced, string? TransactionId)> FinishAsync(
        NpgsqlConnection connection, Flush flush, IReadOnlyList<DeadLetter> letters, IReadOnlyList<IReadOnlyList<DeadLetter>> statements, FlushOutcome outcome, DateTime now, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var upsert = _rows.New > 0 && (!_copy || _rows.New < FewestRowsToCopy) && _rows.Count <= flush.StatementRows ? Add(_writer.Upsert(_rows, ..)) : null;
        var insert = statements.Count > 0 ? Add(DeadLetterTable.Insert(statements[^1], now)) : null;
        var newLetters = letters.Any(letter => letter.Fate != DeadLetterFate.Duplicate);
        if (newLetters)
        {
            Add(DeadLetterTable.Count(letters, DateOnly.FromDateTime(now)));
        }

        var moves = CheckpointMoves.Merge(outcome.Batches.Where(pair => pair.Batch.Checkpoint is not null).Select(pair => (pair.Batch.Checkpoint!, pair.Accounts)));
        var update = moves.Count > 0 ? Add(CheckpointStore.Move(moves)) : null;
        var wrote = _rows.New > 0 || newLetters || update is not null;
        var asksForId = wrote && CheckpointMoves.Telling(moves.Select(move => move.Move)) is null;
        if (asksForId)
        {
            Add(new NpgsqlBatchCommand(TransactionIdSql));
        }

        string? transactionId = null;
        if (batch.BatchCommands.Count > 0)
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            do
            {
                while (await reader.ReadAsync(cancellationToken))
                {
                    transactionId = reader.GetString(0);
                }
            }
            while (await reader.NextResultAsync(cancellationToken));
        }

        var conflict = (upsert is not null && upsert.Rows != (ulong)_rows.New) || (insert is not null && insert.Rows != (ulong)statements[^1].Count);
        return (wrote, conflict, update is not null && update.Rows != (ulong)moves.Count, transactionId);

        NpgsqlBatchCommand Add(NpgsqlBatchCommand command)
        {
            batch.BatchCommands.Add(command);
            return command;
        }
    }
}

/// <summary>A row that the server refuses.</summary>
/// <param name="Batch">Its batch.</param>
/// <param name="Row">Its row there.</param>
/// <param name="SqlState">The server's code.</param>
/// <param name="Column">The column the server named, if any.</param>
/// <param name="Message">What the server said.</param>
internal readonly record struct RefusedRow(DecodedBatch Batch, int Row, string SqlState, string? Column, string Message);
