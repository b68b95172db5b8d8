using Dapper;
using Ingest.Schema;
using Npgsql;

namespace Ingest.Diagnostics;

/// <summary>Rows of one UTC day.</summary>
public sealed record DayRows(DateTime Day, long Rows);

/// <summary>Dead letters of one reason.</summary>
public sealed record ReasonCount(string Reason, long Count, DateTime LastReceivedAt);

/// <summary>
/// Where dead letters are, over all of history that the database has counted: each is one of what is open, stored or duplicate since,
/// discarded, not kept, or was deleted past its retention while it was open.
/// </summary>
public sealed record DeadLetterAccounts(
    long DeadLettered, long Open, long Stored, long Duplicate, long Discarded, long NotKept, long PastRetention)
{
    public bool Balance => DeadLettered == Open + Stored + Duplicate + Discarded + NotKept + PastRetention;
}

/// <summary>What the database holds, for <c>ingest status</c> and for closing the counts of a run.</summary>
/// <param name="dataSource">The database.</param>
/// <param name="table">The telemetry table.</param>
public sealed class StoreReader(NpgsqlDataSource dataSource, TargetTable table)
{
    /// <summary>Rows by day, the newest day first. It counts, so it reads these days' chunks whole.</summary>
    public async Task<IReadOnlyList<DayRows>> RowsByDayAsync(int days, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(clock);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var from = clock.GetUtcNow().UtcDateTime.Date.AddDays(1 - days);
        var found = await connection.QueryAsync<DayRows>(new CommandDefinition(
            $"""
            SELECT date_trunc('day', {table.QuotedTime}, 'UTC') AS "Day", count(*) AS "Rows"
            FROM {table.Quoted}
            WHERE {table.QuotedTime} >= @from
            GROUP BY 1
            ORDER BY 1 DESC
            """,
            new { from },
            cancellationToken: cancellationToken));
        return found.AsList();
    }

    /// <summary>The open dead letters by reason, the most frequent first.</summary>
    public async Task<IReadOnlyList<ReasonCount>> DeadLettersByReasonAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var found = await connection.QueryAsync<ReasonCount>(new CommandDefinition(
            """
            SELECT reason AS "Reason", count(*) AS "Count", max(received_at) AS "LastReceivedAt"
            FROM dead_letters
            WHERE resolution IS NULL
            GROUP BY reason
            ORDER BY count(*) DESC, reason
            """,
            cancellationToken: cancellationToken));
        return found.AsList();
    }

    /// <summary>The accounts of the dead letters; all of a day's letters are counted by it.</summary>
    public async Task<DeadLetterAccounts> DeadLetterAccountsAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleAsync<DeadLetterAccounts>(new CommandDefinition(
            $"""
            SELECT {Sum("dead_lettered", "DeadLettered")}, {Sum("open", "Open")}, {Sum("stored", "Stored")},
                {Sum("duplicate", "Duplicate")}, {Sum("discarded", "Discarded")}, {Sum("not_kept", "NotKept")},
                {Sum("past_retention", "PastRetention")}
            FROM dead_letter_accounts
            """,
            cancellationToken: cancellationToken));

        static string Sum(string column, string name) => $"coalesce(sum({column}), 0)::bigint AS \"{name}\"";
    }

    /// <summary>Counts the rows of the table.</summary>
    public async Task<long> CountRowsAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(
            new CommandDefinition($"SELECT count(*) FROM {table.Quoted}", cancellationToken: cancellationToken));
    }

    /// <summary>Counts the rows of each of these devices.</summary>
    public async Task<IReadOnlyDictionary<string, long>> CountRowsByDeviceAsync(
        IReadOnlyCollection<string> devices, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(devices);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var found = await connection.QueryAsync<(string Device, long Rows)>(new CommandDefinition(
            $"SELECT {table.QuotedDevice}::text, count(*) FROM {table.Quoted} WHERE {table.QuotedDevice}::text = ANY(@devices) GROUP BY 1",
            new { devices = devices.ToArray() },
            cancellationToken: cancellationToken));
        return found.ToDictionary(row => row.Device, row => row.Rows);
    }

    /// <summary>The stamps (UTC, milliseconds) at or after a time that a device has rows at.</summary>
    public async Task<IReadOnlySet<DateTime>> StampsAsync(string device, DateTime from, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var found = await connection.QueryAsync<DateTime>(new CommandDefinition(
            $"SELECT DISTINCT date_trunc('milliseconds', {table.QuotedTime}) FROM {table.Quoted} "
                + $"WHERE {table.QuotedDevice}::text = @device AND {table.QuotedTime} >= @from",
            new { device, from },
            cancellationToken: cancellationToken));
        return found.ToHashSet();
    }

    public async Task<long> CountDeadLettersAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(
            new CommandDefinition("SELECT count(*) FROM dead_letters", cancellationToken: cancellationToken));
    }
}
