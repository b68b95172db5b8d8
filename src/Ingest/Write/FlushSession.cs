using System.Data;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>A connection with a transaction on it, rolled back unless it is committed.</summary>
internal sealed class FlushSession : IAsyncDisposable
{
    // The limit is the server's protection of interactive work; here the rows to compare are few, and a failure would stop the replay.
    private const string LiftDecompressionLimitSql = "SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0";

    private FlushSession(NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        Connection = connection;
        Transaction = transaction;
    }

    public NpgsqlConnection Connection { get; }

    public NpgsqlTransaction Transaction { get; }

    public static async Task<FlushSession> BeginAsync(NpgsqlDataSource dataSource, Flush flush, CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(dataSource, cancellationToken);
        try
        {
            var session = new FlushSession(
                connection, await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken));
            if (flush.History.LiftDecompressionLimit)
            {
                await using var lift = new NpgsqlCommand(LiftDecompressionLimitSql, connection);
                await lift.ExecuteNonQueryAsync(cancellationToken);
            }

            return session;
        }
        catch
        {
            // Back in the pool, which rolls back what has begun.
            await connection.DisposeAsync();
            throw;
        }
    }

    public static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource dataSource, CancellationToken cancellationToken)
    {
        try
        {
            return await dataSource.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception exception) when (PostgresFailure.Of(exception).Kind == FailureKind.TooSlow)
        {
            // A smaller flush would not help: the server does not answer.
            throw new DatabaseBusyException(
                $"No connection to the database became available in time ({exception.Message.TrimEnd('.')}). Look for an exhausted "
                    + "server or pooler, a silent network, or a pool smaller than Commit:Writers.",
                exception);
        }
        catch (Exception exception) when (ConnectionFailure.IsNamed(exception))
        {
            var failure = await ConnectionFailure.OfAsync(dataSource, exception, cancellationToken);
            throw failure.Kind == FailureKind.OperatorMistake
                ? new OperatorMistakeException(failure.Sentence, exception) { SqlState = failure.SqlState }
                : new DatabaseBusyException(failure.Sentence, exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Transaction.DisposeAsync();
        }
        finally
        {
            await Connection.DisposeAsync();
        }
    }
}
