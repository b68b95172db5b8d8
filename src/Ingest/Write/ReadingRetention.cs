using Npgsql;

namespace Ingest.Write;

/// <summary>
/// Has the database drop the default table's chunks or partitions that are past the retention. The function does it with its owner's rights, and
/// nothing else: who writes readings may delete none.
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
