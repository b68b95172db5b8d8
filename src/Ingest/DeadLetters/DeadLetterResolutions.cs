using Ingest.Events;
using Npgsql;

namespace Ingest.DeadLetters;

/// <summary>The statements of a flush on dead letters that are tried again.</summary>
internal static class DeadLetterResolutions
{
    // In one order, so that two that try the same letters do not wait for each other. Who comes second no longer finds them open.
    private const string LockSql = "SELECT key FROM dead_letters WHERE key = ANY($1) AND resolution IS NULL ORDER BY key FOR UPDATE";

    private const string ResolveSql =
        """
        UPDATE dead_letters AS l
        SET resolution = r.resolution, resolved_at = $4, resolved_by = r.command || ' as ' || current_user
        FROM unnest($1::bytea[], $2::text[], $3::text[]) AS r(key, resolution, command)
        WHERE l.key = r.key AND l.resolution IS NULL
        """;

    private const string RenewSql =
        """
        UPDATE dead_letters AS l SET reason = r.reason, detail = r.detail
        FROM unnest($1::bytea[], $2::text[], $3::text[]) AS r(key, reason, detail)
        WHERE l.key = r.key AND (l.reason, l.detail) IS DISTINCT FROM (r.reason, r.detail)
        """;

    /// <summary>Locks those of the letters that are open, until the transaction ends.</summary>
    /// <returns>Their keys in hexadecimal digits.</returns>
    public static async Task<IReadOnlySet<string>> LockAsync(
        NpgsqlConnection connection, byte[][] keys, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(LockSql, connection)
        {
            Parameters = { new NpgsqlParameter<byte[][]> { TypedValue = keys } },
        };
        var open = new HashSet<string>(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            open.Add(Convert.ToHexString(reader.GetFieldValue<byte[]>(0)));
        }

        return open;
    }

    /// <summary>The statement that resolves letters; it must update exactly one row a letter. Null where there are none.</summary>
    public static NpgsqlBatchCommand? Resolve(IReadOnlyList<(TriedLetter Letter, Retrial Retrial)> resolved, DateTime now) =>
        resolved.Count == 0 ? null : new NpgsqlBatchCommand(ResolveSql)
        {
            Parameters =
            {
                new NpgsqlParameter<byte[][]> { TypedValue = [.. resolved.Select(pair => pair.Letter.Letter.Key)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. resolved.Select(pair => Resolution(pair.Letter.Outcome))] },
                new NpgsqlParameter<string[]> { TypedValue = [.. resolved.Select(pair => pair.Retrial.Command)] },
                new NpgsqlParameter<DateTime> { TypedValue = now },
            },
        };

    /// <summary>
    /// The statement that gives letters the reason for which they are rejected again. Null where there are none.
    /// </summary>
    public static NpgsqlBatchCommand? Renew(IReadOnlyList<TriedLetter> rejected) =>
        rejected.Count == 0 ? null : new NpgsqlBatchCommand(RenewSql)
        {
            Parameters =
            {
                new NpgsqlParameter<byte[][]> { TypedValue = [.. rejected.Select(tried => tried.Letter.Key)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. rejected.Select(tried => tried.Reason)] },
                new NpgsqlParameter<string?[]> { TypedValue = [.. rejected.Select(tried => DeadLetterText.Clean(tried.Detail))] },
            },
        };

    private static string Resolution(RetrialOutcome outcome) => outcome == RetrialOutcome.Stored ? "stored" : "duplicate";
}
