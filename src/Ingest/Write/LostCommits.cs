using Ingest.Checkpoints;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>Finds out whether a COMMIT succeeded whose answer was lost.</summary>
internal sealed class LostCommits(NpgsqlDataSource dataSource)
{
    private const string TransactionStatusSql = "SELECT pg_xact_status($1::text::xid8)";

    /// <summary>Finds out which of the COMMITs without an answer succeeded.</summary>
    /// <returns>
    /// The outcome, if the flush's checkpoints say that one was carried out. Null: none was, or the next attempt has to confirm it
    /// (<see cref="FlushHistory.Presumed"/>).
    /// </returns>
    public async Task<FlushOutcome?> ResolveAsync(Flush flush, CancellationToken cancellationToken)
    {
        await using var connection = await FlushSession.OpenAsync(dataSource, cancellationToken);
        foreach (var unknown in flush.History.Unknown)
        {
            if (unknown.TransactionId is null)
            {
                var stored = await CheckpointTable.ReadAsync(
                    connection,
                    CheckpointMoves.Partitions(unknown.Outcome.Batches.Select(pair => pair.Batch.Checkpoint)),
                    cancellationToken);
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
                        // After a failover another server's transaction may bear this id. So it is believed only when the next attempt
                        // finds everything stored.
                        flush.History.Presumed = unknown;
                        return null;
                    case "in progress":
                        throw new DatabaseBusyException(
                            "The connection failed during COMMIT, and the server is still executing it. Its outcome will be asked for "
                                + "again.");
                }
            }
        }

        return null;
    }

    private static bool StandsAtItsEnd(FlushOutcome outcome, Dictionary<PartitionKey, StoredCheckpoint> stored)
    {
        var last = CheckpointMoves.ProofOfCommit(outcome.Batches.Select(pair => pair.Batch.Checkpoint).OfType<Checkpoint>())!;
        return stored.TryGetValue(last.Partition, out var now)
            && now.Epoch == last.Epoch
            && now.Position?.SequenceNumber == last.To.SequenceNumber;
    }

    private static async Task<string?> StatusAsync(NpgsqlConnection connection, string transactionId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            TransactionStatusSql, connection)
        { Parameters = { new NpgsqlParameter<string> { TypedValue = transactionId } } };
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
}
