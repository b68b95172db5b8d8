using Ingest.Failures;
using Ingest.Schema;
using Npgsql;

namespace Ingest.Forgotten;

/// <summary>What was deleted of a device, or would be.</summary>
/// <param name="Rows">Rows of the table.</param>
/// <param name="DeadLetters">Dead letters of its messages.</param>
public sealed record ForgottenData(long Rows, long DeadLetters);

/// <summary>
/// Deletes what is stored of a device from before a time, and remembers the device, so that nothing stores it again. In steps that are
/// committed one by one: done again after it has ended anywhere, it goes on.
/// </summary>
/// <param name="dataSource">A login that may delete: the owner's.</param>
/// <param name="table">The table.</param>
public sealed class DeviceForgetter(NpgsqlDataSource dataSource, TargetTable table)
{
    private const int LettersAtOnce = 1_000;

    private const string RememberSql = """
        WITH state AS (UPDATE forgotten_state SET version = version + 1 RETURNING salt)
        INSERT INTO forgotten_devices AS f (device, until) SELECT sha256(salt || convert_to($1, 'UTF8')), $2 FROM state
        ON CONFLICT (device) DO UPDATE SET until = greatest(f.until, EXCLUDED.until)
        """;

    // Of a message without a stamp, the time of its arrival counts.
    private const string OfDevice = "device = $1 AND coalesce(time, received_at) < $2";

    private const string DeleteLettersSql =
        $"DELETE FROM dead_letters WHERE key = ANY (ARRAY (SELECT key FROM dead_letters WHERE {OfDevice} LIMIT $3))";

    private const string DeleteQuotasSql = "DELETE FROM dead_letter_quotas WHERE device = $1 AND day < ($2 AT TIME ZONE 'UTC')::date";

    private static readonly TimeSpan AtOnce = TimeSpan.FromDays(1);

    private string OfDeviceBefore => $"{table.QuotedDevice} = $1::text::{table.DeviceSqlType} AND {table.QuotedTime} < $2";

    /// <summary>Counts what would be deleted.</summary>
    /// <param name="device">The device.</param>
    /// <param name="until">Before which row time.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    public async Task<ForgottenData> CountAsync(string device, DateTime until, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return new ForgottenData(
            await ScalarAsync<long>(
                connection, $"SELECT count(*) FROM {table.Quoted} WHERE {OfDeviceBefore}", device, until, cancellationToken),
            await ScalarAsync<long>(
                connection, $"SELECT count(*) FROM dead_letters WHERE {OfDevice}", device, until, cancellationToken));
    }

    /// <summary>Forgets.</summary>
    /// <param name="device">The device.</param>
    /// <param name="until">Before which row time.</param>
    /// <param name="progress">Told after each step how much was deleted so far, and of waiting.</param>
    /// <param name="cancellationToken">Ends it after a step.</param>
    public async Task<ForgottenData> ForgetAsync(
        string device, DateTime until, Action<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        if (await ExecuteAsync(connection, RememberSql, device, until, cancellationToken) == 0)
        {
            throw new OperatorMistakeException("The table forgotten_state is empty. Run ingest migrate, which fills it.");
        }

        await WaitForWritersAsync(connection, progress, cancellationToken);
        var rows = await DeleteRowsAsync(connection, device, until, progress, cancellationToken);
        var letters = await DeleteLettersAsync(connection, device, until, cancellationToken);
        await ExecuteAsync(
            connection, DeleteQuotasSql, device, until, cancellationToken);
        return new ForgottenData(rows, letters);
    }

    // Whoever has written to the tables before the new version was committed may not have seen it, and holds them locked until it ends. In
    // short turns, as writers queue behind it.
    private async Task WaitForWritersAsync(NpgsqlConnection connection, Action<string> progress, CancellationToken cancellationToken)
    {
        while (true)
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            try
            {
                await using var command = new NpgsqlCommand(
                    $"SET LOCAL lock_timeout = '2s'; LOCK TABLE {table.Quoted}, dead_letters IN SHARE ROW EXCLUSIVE MODE", connection);
                await command.ExecuteNonQueryAsync(cancellationToken);
                await transaction.CommitAsync(cancellationToken);
                return;
            }
            catch (PostgresException exception) when (
                exception.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                progress("waiting for a transaction that has been writing since before the device was remembered");
            }
        }
    }

    // A day at a time, from its first row on: as many as one transaction should delete, or decompress.
    private async Task<long> DeleteRowsAsync(
        NpgsqlConnection connection, string device, DateTime until, Action<string> progress, CancellationToken cancellationToken)
    {
        var firstSql = $"SELECT min({table.QuotedTime}) FROM {table.Quoted} WHERE {OfDeviceBefore} AND {table.QuotedTime} >= $3";
        var deleteSql = $"DELETE FROM {table.Quoted} WHERE {OfDeviceBefore} AND {table.QuotedTime} >= $3";
        var (rows, from) = (0L, DateTime.MinValue);
        while (await FirstAsync(connection, firstSql, device, until, from, cancellationToken) is { } first)
        {
            var end = until - first > AtOnce ? first + AtOnce : until;
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using (var lift = new NpgsqlCommand(
                "SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0", connection))
            {
                await lift.ExecuteNonQueryAsync(cancellationToken);
            }

            await using var command = Command(connection, deleteSql, device, end);
            command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = first });
            rows += await command.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            progress(FormattableString.Invariant($"{rows:#,0} rows deleted, up to {end:O}"));
            from = end;
        }

        return rows;
    }

    private static async Task<DateTime?> FirstAsync(
        NpgsqlConnection connection, string sql, string device, DateTime until, DateTime from, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, sql, device, until);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = DateTime.SpecifyKind(from, DateTimeKind.Utc) });
        return await command.ExecuteScalarAsync(cancellationToken) as DateTime?;
    }

    private static async Task<long> DeleteLettersAsync(
        NpgsqlConnection connection, string device, DateTime until, CancellationToken cancellationToken)
    {
        for (long letters = 0; ;)
        {
            await using var command = Command(connection, DeleteLettersSql, device, until);
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = LettersAtOnce });
            var deleted = await command.ExecuteNonQueryAsync(cancellationToken);
            letters += deleted;
            if (deleted < LettersAtOnce)
            {
                return letters;
            }
        }
    }

    private static async Task<int> ExecuteAsync(
        NpgsqlConnection connection, string sql, string device, DateTime until, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, sql, device, until);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<T> ScalarAsync<T>(
        NpgsqlConnection connection, string sql, string device, DateTime until, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, sql, device, until);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, string device, DateTime until) => new(sql, connection)
    {
        CommandTimeout = 0,
        Parameters =
        {
            new NpgsqlParameter<string> { TypedValue = device },
            new NpgsqlParameter<DateTime> { TypedValue = DateTime.SpecifyKind(until, DateTimeKind.Utc) },
        },
    };
}
