using Npgsql;

namespace Ingest.DeadLetters;

/// <summary>Deletes dead letters past their retention, a bounded number a statement, so that no delete holds locks for long.</summary>
internal sealed class DeadLetterRetention(NpgsqlDataSource dataSource, int retentionDays, TimeProvider clock)
{
    private const int RowsAtOnce = 1_000;

    private const string LettersSql =
        "DELETE FROM dead_letters WHERE key = ANY(ARRAY(SELECT key FROM dead_letters WHERE received_at < $1 LIMIT $2))";

    private const string QuotasSql = "DELETE FROM dead_letter_quotas WHERE day < $1";

    /// <returns>How many dead letters were deleted.</returns>
    public async Task<long> CleanAsync(CancellationToken cancellationToken)
    {
        if (retentionDays == 0)
        {
            return 0;
        }

        var cutoff = clock.GetUtcNow().UtcDateTime.AddDays(-retentionDays);
        await using var quotas = dataSource.CreateCommand(QuotasSql);
        quotas.Parameters.Add(new NpgsqlParameter<DateOnly> { TypedValue = DateOnly.FromDateTime(cutoff) });
        await quotas.ExecuteNonQueryAsync(cancellationToken);
        long deleted = 0;
        int rows;
        do
        {
            await using var letters = dataSource.CreateCommand(LettersSql);
            letters.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = cutoff });
            letters.Parameters.Add(new NpgsqlParameter<int> { TypedValue = RowsAtOnce });
            rows = await letters.ExecuteNonQueryAsync(cancellationToken);
            deleted += rows;
        }
        while (rows == RowsAtOnce);
        return deleted;
    }
}
