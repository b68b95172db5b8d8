using Dapper;
using Npgsql;

namespace Ingest.DeadLetters;

/// <summary>Which dead letters to list; a null condition does not restrict.</summary>
/// <param name="Reason">The reason code.</param>
/// <param name="Device">The device.</param>
/// <param name="Since">Received at or after this time.</param>
/// <param name="Limit">Most dead letters returned, newest first.</param>
public sealed record DeadLetterFilter(string? Reason = null, string? Device = null, DateTimeOffset? Since = null, int Limit = 50);

/// <summary>Reads the dead letters.</summary>
public sealed class DeadLetterReader(NpgsqlDataSource dataSource)
{
    private const string Columns = """
        key, time, device, module, reason, detail, element, hub, partition, sequence_number AS "SequenceNumber", "offset",
        message_id AS "MessageId", message_source AS "MessageSource", content_type AS "ContentType",
        content_encoding AS "ContentEncoding", properties::text AS "Properties", body, received_at AS "ReceivedAt"
        """;

    public async Task<IReadOnlyList<StoredDeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var found = await connection.QueryAsync<StoredDeadLetter>(new CommandDefinition(
            $"""
            SELECT {Columns}
            FROM dead_letters
            WHERE (@Reason::text IS NULL OR reason = @Reason)
              AND (@Device::text IS NULL OR device = @Device)
              AND (@Since::timestamptz IS NULL OR received_at >= @Since)
            ORDER BY received_at DESC, key
            LIMIT @Limit
            """,
            new { filter.Reason, filter.Device, Since = filter.Since?.UtcDateTime, filter.Limit },
            cancellationToken: cancellationToken));
        return found.AsList();
    }

    /// <summary>
    /// The dead letters whose key begins with these hexadecimal digits, two at the most: enough to tell one from several.
    /// </summary>
    public async Task<IReadOnlyList<StoredDeadLetter>> FindAsync(string keyPrefix, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keyPrefix);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var found = await connection.QueryAsync<StoredDeadLetter>(new CommandDefinition(
            $"""
            SELECT {Columns}
            FROM dead_letters
            WHERE encode(key, 'hex') LIKE lower(@keyPrefix) || '%'
            LIMIT 2
            """,
            new { keyPrefix },
            cancellationToken: cancellationToken));
        return found.AsList();
    }
}
