using System.Net.Sockets;
using Npgsql;

namespace Ingest.Write;

/// <summary>What to do about a failure of the database.</summary>
public enum FailureKind
{
    /// <summary>A unique index met a row that another writer stored first, or that was there before: compare with what is stored.</summary>
    Conflict,

    /// <summary>A deadlock or a serialization failure: again at once.</summary>
    RetryAtOnce,

    /// <summary>A statement took too long: halve the flush, then again.</summary>
    TooSlow,

    /// <summary>A value or a row is refused: find which.</summary>
    Poison,

    /// <summary>The database is away or exhausted: wait and try again.</summary>
    Outage,

    /// <summary>The database answers, and somebody has to put something right: wait and try again, saying what.</summary>
    OperatorMistake,

    /// <summary>No answer of a database at all: a defect of this program or of its caller.</summary>
    Defect,
}

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
    /// Whether single rows may be to blame, which trying them one by one tells: a trigger or a policy of the operator's can say anything, and no list of
    /// codes is to decide alone whether one device stops every partition.
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
            PostgresException refused => OfServer(refused),
            OperatorMistakeException mistake => new PostgresFailure(FailureKind.OperatorMistake, mistake.SqlState, mistake.Message),
            DatabaseBusyException => new PostgresFailure(FailureKind.Outage, null, exception.Message),
            NpgsqlException { InnerException: TimeoutException } or TimeoutException =>
                new PostgresFailure(FailureKind.TooSlow, null, "The database did not answer in time. Look for a held lock, a silent network or an overloaded server."),
            NpgsqlException { InnerException: SocketException socket } => Away(socket.Message),
            NpgsqlException { InnerException: { } inner } => Of(inner) is { Kind: not FailureKind.Defect } known ? known : Away(exception.Message + " " + inner.Message),
            NpgsqlException => Away(exception.Message),
            IOException or SocketException or ObjectDisposedException => Away(exception.Message),
            _ => new PostgresFailure(FailureKind.Defect, null, exception.Message),
        };
    }

    /// <summary>
    /// Whether a failed COMMIT may have been carried out all the same: no answer came, or the server was going down, which it also says of a
    /// transaction it has already committed.
    /// </summary>
    public static bool LeavesCommitUnknown(Exception exception) =>
        exception is not PostgresException refused || refused.InvariantSeverity is "FATAL" or "PANIC" || refused.SqlState.StartsWith("57P", StringComparison.Ordinal);

    private static PostgresFailure Away(string message) =>
        new(FailureKind.Outage, null, $"The database cannot be reached: {message.TrimEnd('.')}. Check that the server runs and that Database:ConnectionString names it.");

    private static PostgresFailure MistakeOrRow(string code, string sentence) => new(FailureKind.OperatorMistake, code, sentence) { MayBeOneRow = true };

    private static PostgresFailure OfServer(PostgresException refused)
    {
        var code = refused.SqlState;
        var said = $"{code}: {refused.MessageText.TrimEnd('.')}";
        return code switch
        {
            "23505" => new(FailureKind.Conflict, code, $"A unique index already has a row ({said})."),
            "40001" or "40P01" => new(FailureKind.RetryAtOnce, code, $"The transaction lost against another ({said})."),
            "57014" => new(FailureKind.TooSlow, code, $"The server stopped a statement ({said}). Look for statement_timeout and for held locks."),
            "25006" => new(FailureKind.Outage, code, $"The server takes no writes ({said}). It is a standby or set read-only; name the primary in Database:ConnectionString."),
            "55P03" => new(FailureKind.Outage, code, $"A lock could not be had ({said}). Look in pg_locks for who holds it."),
            "53100" => new(FailureKind.Outage, code, $"The server's disk is full ({said}). Free or add space."),
            "53300" => new(FailureKind.Outage, code, $"The server has no connection left ({said}). Raise max_connections or use a pooler."),
            "53400" => new(FailureKind.OperatorMistake, code, $"A configured limit is exceeded ({said}).")
            {
                IsDecompressionLimit = (refused.MessageText + refused.Detail + refused.Hint).Contains(DecompressionLimit, StringComparison.Ordinal)
                    || refused.MessageText.Contains("tuple decompression limit", StringComparison.Ordinal),
            },
            _ when code.StartsWith("08", StringComparison.Ordinal) || code.StartsWith("53", StringComparison.Ordinal) || code.StartsWith("57P", StringComparison.Ordinal) =>
                new(FailureKind.Outage, code, $"The database is not available ({said})."),
            _ when code.StartsWith("22", StringComparison.Ordinal) || code.StartsWith("23", StringComparison.Ordinal) =>
                new(FailureKind.Poison, code, $"The database refuses a row ({said})."),
            "3D000" => new(FailureKind.OperatorMistake, code, $"The database does not exist ({said}). Create it, or correct Database in Database:ConnectionString."),
            _ when code.StartsWith("28", StringComparison.Ordinal) =>
                new(FailureKind.OperatorMistake, code, $"The login is refused ({said}). Check user and password in Database:ConnectionString, and pg_hba.conf."),
            "42501" => MistakeOrRow(code, $"A privilege is missing ({said}). Grant it to the login of Database:ConnectionString."),
            "42P01" or "42703" => MistakeOrRow(code, $"The table does not fit the settings ({said}). Create or rename it, or correct Telemetry:Table and Telemetry:Columns."),
            "42P10" => MistakeOrRow(code, $"The unique index on (time, device) is missing ({said}). Create it."),
            _ => MistakeOrRow(code, $"The database refuses the work ({said})."),
        };
    }
}

/// <summary>The database works, and refuses what no reading can change: somebody has to put it right.</summary>
public sealed class OperatorMistakeException : Exception
{
    public OperatorMistakeException()
    {
    }

    public OperatorMistakeException(string message)
        : base(message)
    {
    }

    public OperatorMistakeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The server's code, where one was given.</summary>
    public string? SqlState { get; init; }
}
