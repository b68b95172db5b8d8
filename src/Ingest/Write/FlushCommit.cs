using System.Data;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>How a flush's transaction ends: its last round trip.</summary>
internal static class FlushCommit
{
    /// <summary>
    /// Where all rows are written and only checkpoints are left: they and COMMIT share a round trip, as the server itself sees to it that
    /// nothing is committed unless every one of them has moved and <paramref name="check"/> holds. Null: one has not moved.
    /// </summary>
    public static async Task<FlushAttempt?> MoveAndCommitAsync(
        NpgsqlConnection connection,
        Flush flush,
        FlushOutcome outcome,
        IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> moves,
        NpgsqlBatchCommand check,
        CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { CheckpointTable.MoveOrFail(moves), check, new NpgsqlBatchCommand("COMMIT") },
        };
        try
        {
            // It may wait for a lock on a checkpoint, so it can be abandoned, unlike a COMMIT alone.
            await CommitAsync(() => batch.ExecuteNonQueryAsync(cancellationToken), connection, flush, new UnknownCommit(outcome, null));
            return new FlushAttempt.Committed(outcome);
        }
        catch (PostgresException exception) when (CheckpointTable.IsNotMoved(exception))
        {
            return null;
        }
    }

    /// <summary>
    /// Sends COMMIT, and remembers it where its answer is lost. A connection that is still open has brought the server's answer: a
    /// statement that timed out or was cancelled, and so no COMMIT.
    /// </summary>
    public static async Task CommitAsync(Func<Task> commit, NpgsqlConnection connection, Flush flush, UnknownCommit attempt)
    {
        try
        {
            await commit();
        }
        catch (Exception exception) when (
            PostgresFailure.LeavesCommitUnknown(exception) && (exception is PostgresException || connection.State != ConnectionState.Open))
        {
            flush.History.Unknown.Add(attempt);
            throw;
        }
    }

    /// <summary>Executes a batch of which at most the last statement returns rows, and reads that one's value.</summary>
    public static async Task<string?> ReadLastAsync(NpgsqlBatch batch, CancellationToken cancellationToken)
    {
        string? last = null;
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                last = reader.GetString(0);
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
        return last;
    }
}
