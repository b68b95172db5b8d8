using System.Net.Sockets;
using Npgsql;

namespace Ingest.Failures;

/// <summary>A failure of the database, sorted: the one place that knows what its error codes mean.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="SqlState">The server's code, or null where no server answered.</param>
/// <param name="Sentence">What happened and what to do, for health and log.</param>
public sealed record PostgresFailure(FailureKind Kind, string? SqlState, string Sentence)
{
    private const string DecompressionLimit = "max_tuples_decompressed_per_dml_transaction";

    /// <summary>Whether TimescaleDB's limit on decompressed tuples was met, which a transaction may lift for itself.</summary>
    public bool IsDecompressionLimit { get; private init; }

    /// <summary>
    /// Whether single rows may be the cause, which is found out by trying them one by one: an operator's trigger or policy can raise any
    /// code, and no list of codes may decide alone whether one device stops every partition.
    /// </summary>
    public bool MayBeOneRow { get; private init; }

    /// <summary>Whether it is said of a row, or may be.</summary>
    public bool IsOfRows => Kind is FailureKind.Poison or FailureKind.Conflict || MayBeOneRow;

    /// <summary>Sorts what a database call threw.</summary>
    public static PostgresFailure Of(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception switch
        {
            not OperatorMistakeException when TlsFailure.Explain(exception, "The database's server") is { } tls =>
                new PostgresFailure(FailureKind.OperatorMistake, (exception as PostgresException)?.SqlState, tls),
            PostgresException refused => OfServer(refused),
            OperatorMistakeException mistake => new PostgresFailure(FailureKind.OperatorMistake, mistake.SqlState, mistake.Message),
            DatabaseBusyException or TokenUnavailableException => new PostgresFailure(FailureKind.Outage, null, exception.Message),
            NpgsqlException { InnerException: TimeoutException } or TimeoutException =>
                new PostgresFailure(
                    FailureKind.TooSlow,
                    null,
                    "The database did not answer in time. Look for a held lock, a silent network or an overloaded server."),
            NpgsqlException { InnerException: SocketException socket } => Away(socket.Message),
            NpgsqlException { InnerException: { } inner } =>
                Of(inner) is { Kind: not FailureKind.Defect } known ? known : Away(exception.Message + " " + inner.Message),
            NpgsqlException => Away(exception.Message),
            IOException or SocketException or ObjectDisposedException => Away(exception.Message),
            _ => new PostgresFailure(FailureKind.Defect, null, exception.Message),
        };
    }

    /// <summary>
    /// Whether a failed COMMIT may have succeeded: no answer came, or the server was shutting down, which it also reports for a
    /// transaction that it has already committed.
    /// </summary>
    public static bool LeavesCommitUnknown(Exception exception) =>
        exception is not PostgresException refused || refused.InvariantSeverity is "FATAL" or "PANIC" || refused.SqlState.StartsWith(
            "57P", StringComparison.Ordinal);

    private static PostgresFailure Away(string message) =>
        new(
            FailureKind.Outage,
            null,
            $"The database cannot be reached: {message.TrimEnd('.')}. Check that the server runs and that Database:ConnectionString "
                + "names it.");

    private static PostgresFailure MistakeOrRow(string code, string sentence) =>
        new(FailureKind.OperatorMistake, code, sentence) { MayBeOneRow = true };

    private static PostgresFailure OfServer(PostgresException refused)
    {
        var code = refused.SqlState;
        var said = $"{code}: {refused.MessageText.TrimEnd('.')}";
        return code switch
        {
            PostgresErrorCodes.UniqueViolation => new(FailureKind.Conflict, code, $"A unique index already has a row ({said})."),
            PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected =>
                new(FailureKind.RetryAtOnce, code, $"The transaction conflicted with another one ({said})."),
            PostgresErrorCodes.QueryCanceled =>
                new(FailureKind.TooSlow, code, $"The server stopped a statement ({said}). Look for statement_timeout and for held locks."),
            PostgresErrorCodes.ReadOnlySqlTransaction => new(
                FailureKind.Outage,
                code,
                $"The server is read-only ({said}): it is a standby, or was set read-only. Name the primary in Database:ConnectionString."),
            PostgresErrorCodes.LockNotAvailable =>
                new(FailureKind.Outage, code, $"A lock could not be acquired ({said}). pg_locks shows who holds it."),
            PostgresErrorCodes.DiskFull => new(FailureKind.Outage, code, $"The server's disk is full ({said}). Free or add space."),
            PostgresErrorCodes.TooManyConnections => new(
                FailureKind.Outage,
                code,
                $"The server has reached its connection limit ({said}). Raise max_connections or use a connection pooler."),
            PostgresErrorCodes.ConfigurationLimitExceeded =>
                new(FailureKind.OperatorMistake, code, $"A configured limit is exceeded ({said}).")
                {
                    IsDecompressionLimit = (
                    refused.MessageText + refused.Detail + refused.Hint).Contains(DecompressionLimit, StringComparison.Ordinal)
                    || refused.MessageText.Contains("tuple decompression limit", StringComparison.Ordinal),
                },
            _ when code.StartsWith("08", StringComparison.Ordinal) || code.StartsWith("53", StringComparison.Ordinal) || code.StartsWith(
                "57P", StringComparison.Ordinal) =>
                new(FailureKind.Outage, code, $"The database is not available ({said})."),
            _ when code.StartsWith("22", StringComparison.Ordinal) || code.StartsWith("23", StringComparison.Ordinal) =>
                new(FailureKind.Poison, code, $"The database refuses a row ({said})."),
            PostgresErrorCodes.InvalidCatalogName => new(
                FailureKind.OperatorMistake,
                code,
                $"The database does not exist ({said}). Create it, or correct its name in Database:ConnectionString."),
            _ when code.StartsWith("28", StringComparison.Ordinal) =>
                new(
                    FailureKind.OperatorMistake,
                    code,
                    $"The login is refused ({said}). Check user and password in Database:ConnectionString, and pg_hba.conf."),
            PostgresErrorCodes.InsufficientPrivilege =>
                MistakeOrRow(code, $"A privilege is missing ({said}). Grant it to the login of Database:ConnectionString."),
            PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn => MistakeOrRow(
                code,
                $"The table does not fit the settings ({said}). Create or rename it, or correct Telemetry:Table and Telemetry:Columns."),
            PostgresErrorCodes.InvalidColumnReference =>
                MistakeOrRow(code, $"The unique index on (time, device) is missing ({said}). Create it."),
            _ => MistakeOrRow(code, $"The database refuses the work ({said})."),
        };
    }
}
