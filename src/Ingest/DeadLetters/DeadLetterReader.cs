using System.Runtime.CompilerServices;
using Dapper;
using Npgsql;

namespace Ingest.DeadLetters;

/// <summary>Reads the dead letters.</summary>
public sealed class DeadLetterReader(NpgsqlDataSource dataSource)
{
    private const int PageRows = 200;
    private const int PageBytes = 8 * 1024 * 1024;

    private const string Columns = """
        key, time, device, module, reason, detail, element, hub, partition, sequence_number AS "SequenceNumber", "offset",
        message_id AS "MessageId", message_source AS "MessageSource", content_type AS "ContentType",
        content_encoding AS "ContentEncoding", properties::text AS "Properties", body, received_at AS "ReceivedAt",
        annotations::text AS "Annotations", numbering AS "Numbering",
        resolution, resolved_at AS "ResolvedAt", resolved_by AS "ResolvedBy", because
        """;

    public async Task<IReadOnlyList<StoredDeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var parameters = filter.Parameters();
        parameters.Add(nameof(filter.Limit), filter.Limit);
        return await QueryAsync(
            $"SELECT {Columns} FROM dead_letters WHERE {DeadLetterFilter.Condition} ORDER BY received_at DESC, key LIMIT @Limit",
            parameters,
            cancellationToken);
    }

    /// <summary>How many there are.</summary>
    public async Task<long> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"SELECT count(*) FROM dead_letters WHERE {DeadLetterFilter.Condition}",
            filter.Parameters(),
            cancellationToken: cancellationToken));
    }

    /// <summary>
    /// The dead letters whose key begins with these hexadecimal digits, two at the most: enough to tell one from several.
    /// </summary>
    public Task<IReadOnlyList<StoredDeadLetter>> FindAsync(string keyPrefix, bool withResolved, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keyPrefix);
        return QueryAsync(
            $"""
            SELECT {Columns}
            FROM dead_letters
            WHERE encode(key, 'hex') LIKE lower(@keyPrefix) || '%' AND (@withResolved OR resolution IS NULL)
            LIMIT 2
            """,
            new { keyPrefix, withResolved },
            cancellationToken);
    }

    /// <summary>
    /// The dead letters that are there now, in the order of their arrival, some at a time: bounded in rows and in bytes of their bodies.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<StoredDeadLetter>> PagesAsync(
        DeadLetterFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var parameters = filter.Parameters();
        parameters.Add("PageRows", PageRows);
        parameters.Add("PageBytes", PageBytes);
        parameters.Add("Last", await LastArrivalAsync(cancellationToken));
        (DateTime? After, byte[]? AfterKey) = (null, null);
        while (true)
        {
            parameters.Add(nameof(After), After);
            parameters.Add(nameof(AfterKey), AfterKey);
            var page = await QueryAsync(
                $"""
                SELECT {Columns}
                FROM (
                    SELECT *, sum(length(body)) OVER (ORDER BY received_at, key) - length(body) AS bytes_before
                    FROM (
                        SELECT * FROM dead_letters
                        WHERE {DeadLetterFilter.Condition} AND received_at <= @Last::timestamptz
                            AND (@After::timestamptz IS NULL OR (received_at, key) > (@After, @AfterKey::bytea))
                        ORDER BY received_at, key LIMIT @PageRows) AS next) AS page
                WHERE bytes_before < @PageBytes
                ORDER BY received_at, key
                """,
                parameters,
                cancellationToken);
            if (page.Count == 0)
            {
                yield break;
            }

            yield return page;
            (After, AfterKey) = (page[^1].ReceivedAt, page[^1].Key);
        }
    }

    /// <summary>When the last of them came; null where there is none.</summary>
    internal async Task<DateTime?> LastArrivalAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<DateTime?>(
            new CommandDefinition("SELECT max(received_at) FROM dead_letters", cancellationToken: cancellationToken));
    }

    private async Task<IReadOnlyList<StoredDeadLetter>> QueryAsync(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<StoredDeadLetter>(
            new CommandDefinition(sql, parameters, cancellationToken: cancellationToken))).AsList();
    }
}
