using Npgsql;

namespace Ingest.Checkpoints;

/// <summary>
/// The table <c>partition_owners</c>: which worker reads which partition. Ages are the server's, so that no clocks are compared.
/// </summary>
public sealed class PartitionOwnerTable(NpgsqlDataSource dataSource)
{
    private const string Fields =
        "o.hub, o.consumer_group, o.partition, o.owner, o.owned_since, clock_timestamp() - o.last_modified, o.version";

    private const string ListSql =
        $"""
        SELECT {Fields} FROM partition_owners AS o WHERE NOT starts_with(o.consumer_group, '{ArchiveCheckpoints.Group}')
        ORDER BY o.hub, o.consumer_group, length(o.partition), o.partition
        """;

    private const string OfGroupSql = $"SELECT {Fields} FROM partition_owners AS o WHERE o.hub = $1 AND o.consumer_group = $2";

    // In the order of the partitions, so that two workers never wait for each other in a circle. A claim that expects no row inserts
    // version 1, and meets no version 0.
    private const string ClaimSql =
        $"""
        INSERT INTO partition_owners AS o (hub, consumer_group, partition, owner, owned_since, last_modified, version)
        SELECT $1, $2, c.partition, c.owner, now(), now(), coalesce(c.seen, 0) + 1
        FROM unnest($3::text[], $4::text[], $5::bigint[]) AS c(partition, owner, seen)
        ORDER BY c.partition COLLATE "C"
        ON CONFLICT (hub, consumer_group, partition) DO UPDATE SET
            owner = excluded.owner, last_modified = now(), version = excluded.version,
            owned_since = CASE WHEN o.owner = excluded.owner THEN o.owned_since ELSE now() END
        WHERE o.version = excluded.version - 1
        RETURNING {Fields}
        """;

    /// <summary>All owners of hubs' partitions, by hub, consumer group and partition; who replays an archive is left out.</summary>
    public async Task<IReadOnlyList<PartitionOwner>> ListAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(ListSql);
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>The owners of a consumer group's partitions.</summary>
    public async Task<IReadOnlyList<PartitionOwner>> ListAsync(string hub, string consumerGroup, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(OfGroupSql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = hub });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = consumerGroup });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>Claims partitions, renews them, or gives them up.</summary>
    /// <returns>Those that succeeded: a row that somebody has changed since it was seen stays as it is.</returns>
    public async Task<IReadOnlyList<PartitionOwner>> ClaimAsync(
        string hub, string consumerGroup, IReadOnlyCollection<OwnerClaim> claims, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claims);
        if (claims.Count == 0)
        {
            return [];
        }

        await using var command = dataSource.CreateCommand(ClaimSql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = hub });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = consumerGroup });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. claims.Select(claim => claim.Partition)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. claims.Select(claim => claim.Owner)] });
        command.Parameters.Add(new NpgsqlParameter<long?[]> { TypedValue = [.. claims.Select(claim => claim.Version)] });
        return await ReadAsync(command, cancellationToken);
    }

    private static async Task<IReadOnlyList<PartitionOwner>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        List<PartitionOwner> owners = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            owners.Add(new PartitionOwner(
                new PartitionKey(reader.GetString(0), reader.GetString(1), reader.GetString(2)),
                reader.GetString(3),
                reader.GetDateTime(4),
                reader.GetTimeSpan(5),
                reader.GetInt64(6)));
        }

        return owners;
    }
}
