using Npgsql;

namespace Ingest.Write;

/// <summary>
/// Calls the database function that drops the default table's chunks or partitions past the retention. The function runs with its
/// owner's rights, because the writer's login may not delete readings.
/// </summary>
internal sealed class ReadingRetention(NpgsqlDataSource dataSource, int retentionDays)
{
    private const string DropSql = "SELECT drop_expired_conditions($1)";

    /// <returns>How many were dropped.</returns>
    public async Task<int> DropAsync(CancellationToken cancellationToken)
    {
        if (retentionDays == 0)
        {
            return 0;
        }

        await using var command = dataSource.CreateCommand(DropSql);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = retentionDays });
        return (int)(await command.ExecuteScalarAsync(cancellationToken) ?? 0);
    }
}
