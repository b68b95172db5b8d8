using System.Data;
using Ingest.Checkpoints;
using Ingest.DeadLetters;
using Ingest.Events;
using Ingest.Forgotten;
using Ingest.Schema;
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

    private const string UnexpectedRow = "A row was there that had not been read.";

    private const string TransactionIdSql = "SELECT pg_current_xact_id()::text";

    private readonly NpgsqlDataSource _dataSource;
    private readonly CommitSettings _settings;
    private readonly bool _copy;
    private readonly TimeProvider _clock;
    private readonly RowWriter _writer;
    private readonly StoredRows _stored;
    private readonly DeadLetterTable _deadLetters;
    private readonly LostCommits _lost;
    private readonly FlushPlan _plan;

    // Null: not known, or no longer.
    private ForgottenDevices? _forgotten;

    public FlushTransaction(
        NpgsqlDataSource dataSource,
        TargetTable table,
        CommitSettings settings,
        DeadLetterTable deadLetters,
        bool copy,
        TimeProvider clock)
    {
        _dataSource = dataSource;
        _settings = settings;
        _copy = copy;
        _clock = clock;
        _writer = new RowWriter(table);
        _stored = new StoredRows(table);
        _deadLetters = deadLetters;
        _lost = new LostCommits(dataSource);
        _plan = new FlushPlan(table);
    }

    /// <summary>
    /// A hash of the rows and dead letters that the last attempt was going to write. If two comparing attempts have the same hash and both
    /// violate a unique index, the pipeline does not know that index: a third attempt would fail in the same way.
    /// </summary>
    public int LastPlanHash => _plan.Hash();

    public TargetTable Table => _writer.Table;

    public void Dispose() => _plan.Dispose();

    /// <summary>One attempt.</summary>
    public async Task<FlushAttempt> RunAsync(Flush flush, WriteMode mode, CancellationToken cancellationToken)
    {
        await using var session = await FlushSession.BeginAsync(_dataSource, flush, cancellationToken);
        var connection = session.Connection;
        mode = flush.HasRetrials ? WriteMode.Compared : mode;
        await PlaceAsync(connection, flush, mode, cancellationToken);
        if (mode == WriteMode.Compared && _plan.Contradiction(_settings) is { } differs)
        {
            return differs;
        }

        var now = _clock.GetUtcNow().UtcDateTime;
        if (_plan.Letters.Count > 0)
        {
            await _deadLetters.DecideAsync(connection, _plan.Letters, DateOnly.FromDateTime(now), cancellationToken);
        }

        var outcome = _plan.CountReadings();
        if (flush.History.Presumed is { } presumed && !outcome.StoresSomething)
        {
            return new FlushAttempt.Committed(presumed.Outcome);
        }

        if (_plan.Rows.New > 0 && !await WriteBulkAsync(connection, flush, cancellationToken))
        {
            return new FlushAttempt.Conflict(UnexpectedRow);
        }

        var moves = CheckpointMoves.Merge(
            outcome.Batches.Where(pair => pair.Batch.Checkpoint is not null).Select(pair => (pair.Batch.Checkpoint!, pair.Counts)));
        try
        {
            var committed = OnlyCheckpointsAreLeft(flush, moves)
                ? await FlushCommit.MoveAndCommitAsync(connection, flush, outcome, moves, _forgotten!.CheckOrFail(), cancellationToken)
                : await FinishAsync(session, flush, outcome, moves, now, cancellationToken);
            if (committed is not null)
            {
                return committed;
            }
        }
        catch (PostgresException exception) when (ForgottenDevices.HaveChanged(exception))
        {
            _forgotten = null;
            return new FlushAttempt.LostRace();
        }

        await session.Transaction.RollbackAsync(cancellationToken);
        return new FlushAttempt.Fenced(
            await CheckpointTable.ReadAsync(
                connection,
                CheckpointMoves.Partitions(flush.Batches.Select(batch => batch.Checkpoint)),
                cancellationToken));
    }

    /// <summary>Finds the rows that the server refuses.</summary>
    public async Task<Probe> ProbeAsync(Flush flush, CancellationToken cancellationToken)
    {
        await using var session = await FlushSession.BeginAsync(_dataSource, flush, cancellationToken);
        await PlaceAsync(session.Connection, flush, WriteMode.Compared, cancellationToken);
        return await PoisonSearch.FindAsync(session, flush, _plan.Rows, _writer, cancellationToken);
    }

    /// <inheritdoc cref="LostCommits.ResolveAsync"/>
    public Task<FlushOutcome?> ResolveAsync(Flush flush, CancellationToken cancellationToken) =>
        _lost.ResolveAsync(flush, cancellationToken);

    private async Task PlaceAsync(NpgsqlConnection connection, Flush flush, WriteMode mode, CancellationToken cancellationToken)
    {
        _forgotten ??= await ForgottenDevices.ReadAsync(connection, cancellationToken);
        _plan.Load(flush);
        if (_plan.Trials.Any)
        {
            _plan.Trials.Open(await DeadLetterResolutions.LockAsync(connection, _plan.Trials.Keys, cancellationToken));
        }

        if (mode == WriteMode.Compared)
        {
            await _stored.ReadAsync(
                connection, _plan.Rows, _plan.Windows(), _plan.Stored, _plan.Twins, flush.IsUnderWay, cancellationToken);
        }

        _plan.Resolve(_forgotten);
    }

    private bool FitsLastRoundTrip(Flush flush) => !Copies() && _plan.Rows.Count <= flush.History.StatementRows;

    // At least one checkpoint must move, as that is how a lost answer to COMMIT is resolved. Without one, the transaction's id is needed
    // before COMMIT, and that is another round trip.
    private bool OnlyCheckpointsAreLeft(Flush flush, IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> moves) =>
        !FitsLastRoundTrip(flush) && _plan.Letters.Count == 0 && _plan.Counts.Count == 0 && !_plan.Trials.Any
            && CheckpointMoves.ProofOfCommit(moves.Select(move => move.Move)) is not null;

    private bool Copies() => _copy && _plan.Rows.New >= FewestRowsToCopy;

    // Writes what does not fit into the last round trip.
    private async Task<bool> WriteBulkAsync(NpgsqlConnection connection, Flush flush, CancellationToken cancellationToken)
    {
        if (FitsLastRoundTrip(flush))
        {
            return true;
        }

        var rows = _plan.Rows;
        long written = 0;
        if (Copies())
        {
            for (var left = rows.NewInOrder(); !left.IsEmpty; left = left[Math.Min(left.Length, flush.History.StatementRows)..])
            {
                written += await _writer.CopyAsync(
                    connection,
                    rows,
                    left[..Math.Min(left.Length, flush.History.StatementRows)],
                    flush.IsUnderWay,
                    cancellationToken);
            }
        }
        else
        {
            for (var start = 0; start < rows.Count; start += flush.History.StatementRows)
            {
                var range = start..Math.Min(rows.Count, start + flush.History.StatementRows);
                await using var batch = new NpgsqlBatch(connection) { BatchCommands = { _writer.Upsert(rows, range) } };
                flush.IsUnderWay();
                written += await batch.ExecuteNonQueryAsync(cancellationToken);
            }
        }

        return written == rows.New;
    }

    // The last round trip before COMMIT: what is few enough of the rows, the dead letters, the checkpoints, and the transaction's id where
    // no checkpoint would tell whether it was committed. Null: a checkpoint has not moved.
    private async Task<FlushAttempt?> FinishAsync(
        FlushSession session,
        Flush flush,
        FlushOutcome outcome,
        IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> moves,
        DateTime now,
        CancellationToken cancellationToken)
    {
        var statements = DeadLetterTable.Statements(_plan.Letters);
        if (!await _deadLetters.InsertAllButLastAsync(session.Connection, statements, now, cancellationToken))
        {
            return new FlushAttempt.Conflict(UnexpectedRow);
        }

        await using var batch = new NpgsqlBatch(session.Connection);
        var upsert = _plan.Rows.New > 0 && FitsLastRoundTrip(flush) ? Add(_writer.Upsert(_plan.Rows, ..)) : null;
        var insert = statements.Count > 0 ? Add(_deadLetters.Insert(statements[^1], now)) : null;
        var newLetters = false;
        foreach (var count in DeadLetterTable.Count(_plan.Letters, _plan.Counts, DateOnly.FromDateTime(now)))
        {
            newLetters = true;
            Add(count);
        }

        var resolved = _plan.Trials.Resolved;
        var resolve = DeadLetterResolutions.Resolve(resolved, now) is { } resolution ? Add(resolution) : null;
        var renew = DeadLetterResolutions.Renew(_plan.Trials.RejectedAgain) is { } renewal ? Add(renewal) : null;
        var update = moves.Count > 0 ? Add(CheckpointTable.Move(moves)) : null;
        var wrote = _plan.Rows.New > 0 || newLetters || resolve is not null || renew is not null || update is not null;
        if (wrote)
        {
            Add(_forgotten!.CheckOrFail());
        }

        if (wrote && CheckpointMoves.ProofOfCommit(moves.Select(move => move.Move)) is null)
        {
            Add(new NpgsqlBatchCommand(TransactionIdSql));
        }

        flush.IsUnderWay();
        var transactionId = batch.BatchCommands.Count > 0 ? await FlushCommit.ReadLastAsync(batch, cancellationToken) : null;
        if ((upsert is not null && upsert.Rows != (ulong)_plan.Rows.New)
            || (insert is not null && insert.Rows != (ulong)statements[^1].Count)
            || (resolve is not null && resolve.Rows != (ulong)resolved.Count))
        {
            return new FlushAttempt.Conflict(UnexpectedRow);
        }

        if (update is not null && update.Rows != (ulong)moves.Count)
        {
            return null;
        }

        if (wrote)
        {
            // Never cancelled: an answer within the command timeout is better than leaving early without knowing.
            await FlushCommit.CommitAsync(
                () => session.Transaction.CommitAsync(CancellationToken.None),
                session.Connection,
                flush,
                new UnknownCommit(outcome, transactionId));
        }

        return new FlushAttempt.Committed(outcome);

        NpgsqlBatchCommand Add(NpgsqlBatchCommand command)
        {
            batch.BatchCommands.Add(command);
            return command;
        }
    }
}
