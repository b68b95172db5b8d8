using Npgsql;

namespace Ingest.DeadLetters;

/// <summary>
/// Deletes dead letters past their retention, a bounded number at a time, so that neither the writer nor a lock is held for long. The
/// database counts those that were open (<c>dead_letter_totals</c>, whose rows stay).
/// </summary>
internal sealed class DeadLetterRetention(NpgsqlDataSource dataSource, int retentionDays, TimeProvider clock)
{
    private const int RowsAtOnce = 1_000;

    private const string LettersSql =
        "DELETE FROM dead_letters WHERE key = ANY(ARRAY(SELECT key FROM dead_letters WHERE received_at < $1 LIMIT $2))";

    private const string QuotasSql =
        "DELETE FROM dead_letter_quotas WHERE (device, day) IN (SELECT device, day FROM dead_letter_quotas WHERE day < $1 LIMIT $2)";

    /// <summary>One turn.</summary>
    /// <returns>How many dead letters were deleted, and whether more may be due.</returns>
    public async Task<(int Deleted, bool More)> CleanAsync(CancellationToken cancellationToken)
    {
        if (retentionDays == 0)
        {
            return (0, false);
        }

        var cutoff = clock.GetUtcNow().UtcDateTime.AddDays(-retentionDays);
        var day = DateOnly.FromDateTime(cutoff);
        var quotas = await DeleteAsync(QuotasSql, new NpgsqlParameter<DateOnly> { TypedValue = day }, cancellationToken);
        var letters = await DeleteAsync(LettersSql, new NpgsqlParameter<DateTime> { TypedValue = cutoff }, cancellationToken);
        return (letters, letters == RowsAtOnce || quotas == RowsAtOnce);
    }

    private async Task<int> DeleteAsync(string sql, NpgsqlParameter before, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(before);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = RowsAtOnce });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
