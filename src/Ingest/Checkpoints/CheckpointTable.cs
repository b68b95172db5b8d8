using System.Data;
using Ingest.Events;
using Npgsql;

namespace Ingest.Checkpoints;

/// <summary>
/// The table <c>checkpoints</c>: claims at start-up, reads for status, and fenced moves inside the transaction that stores the rows.
/// </summary>
public sealed class CheckpointTable(NpgsqlDataSource dataSource)
{
    private const string Fields =
        """
        c.hub, c.consumer_group, c.partition, c.epoch, c."offset", c.sequence_number, c.enqueued_time,
        c.received, c.stored, c.duplicate, c.dead_lettered, c.ignored, c.collisions, c.not_kept, c.missed, c.updated_at
        """;

    private const string ClaimSql =
        $"""
        INSERT INTO checkpoints AS c (hub, consumer_group, partition, epoch, updated_at)
        SELECT $1, $2, p, 1, now() FROM unnest($3::text[]) AS p ORDER BY p COLLATE "C"
        ON CONFLICT (hub, consumer_group, partition) DO UPDATE SET epoch = c.epoch + 1, updated_at = now()
        RETURNING {Fields}
        """;

    private const string ListSql =
        $"""
        SELECT {Fields} FROM checkpoints AS c WHERE NOT starts_with(c.consumer_group, '{ArchiveCheckpoints.Group}')
        ORDER BY c.hub, c.consumer_group, length(c.partition), c.partition
        """;

    private const string RestartSql =
        """
        UPDATE checkpoints SET epoch = epoch + 1, "offset" = NULL, sequence_number = NULL, enqueued_time = NULL, updated_at = now(),
            received = 0, stored = 0, duplicate = 0, dead_lettered = 0, ignored = 0, collisions = 0, not_kept = 0, missed = 0
        WHERE hub = $1 AND consumer_group = $2
        """;

    private const string ReadSql =
        $"""
        SELECT {Fields} FROM checkpoints AS c
        JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(hub, consumer_group, partition) USING (hub, consumer_group, partition)
        """;

    private const string MoveSql =
        """
        UPDATE checkpoints AS c SET
            "offset" = m."offset", sequence_number = m.sequence_number, enqueued_time = m.enqueued_time,
            received = c.received + m.received, stored = c.stored + m.stored, duplicate = c.duplicate + m.duplicate,
            dead_lettered = c.dead_lettered + m.dead_lettered, ignored = c.ignored + m.ignored, collisions = c.collisions + m.collisions,
            not_kept = c.not_kept + m.not_kept, missed = c.missed + m.missed, updated_at = now()
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::timestamptz[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[])
            AS m(hub, consumer_group, partition, epoch, expected, "offset", sequence_number, enqueued_time,
            received, stored, duplicate, dead_lettered, ignored, collisions, not_kept, missed)
        WHERE c.hub = m.hub AND c.consumer_group = m.consumer_group AND c.partition = m.partition
            AND c.epoch = m.epoch AND c.sequence_number IS NOT DISTINCT FROM m.expected
        """;

    private const string NotMovedText = "ingest: checkpoints not moved";

    // Fewer moved than sent is a number that cannot be read, with a text that nothing else says, so that a COMMIT sent with it is not
    // carried out.
    private const string MoveOrFailSql =
        $"""
        WITH moved AS ({MoveSql} RETURNING 1)
        SELECT CASE WHEN count(*) = cardinality($1) THEN 0 ELSE ('{NotMovedText} ' || count(*))::integer END FROM moved
        """;

    /// <summary>
    /// Takes partitions over: each gets its stored epoch + 1 (1 for the first owner ever), and older owners can no longer move it.
    /// </summary>
    /// <returns>The checkpoints with their new epochs, in the order of <paramref name="partitions"/>.</returns>
    public async Task<IReadOnlyList<StoredCheckpoint>> ClaimAsync(
        string hub, string consumerGroup, IReadOnlyCollection<string> partitions, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(partitions);
        await using var command = dataSource.CreateCommand(ClaimSql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = hub });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = consumerGroup });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. partitions] });
        var claimed = await ReadAllAsync(command, cancellationToken);
        var byPartition = claimed.ToDictionary(checkpoint => checkpoint.Partition.Partition, StringComparer.Ordinal);
        return [.. partitions.Select(partition => byPartition[partition])];
    }

    /// <summary>Reads a partition's checkpoint; null where there is none.</summary>
    public async Task<StoredCheckpoint?> ReadAsync(PartitionKey partition, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return (await ReadAsync(connection, [partition], cancellationToken)).GetValueOrDefault(partition);
    }

    /// <summary>Puts all of a group's partitions back to their start, with counts of zero, and fences who reads them.</summary>
    public async Task RestartAsync(string hub, string consumerGroup, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(RestartSql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = hub });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = consumerGroup });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>All checkpoints of hubs, by hub, consumer group and partition; those of archives' files are left out.</summary>
    public async Task<IReadOnlyList<StoredCheckpoint>> ListAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(ListSql);
        return await ReadAllAsync(command, cancellationToken);
    }

    internal static async Task<Dictionary<PartitionKey, StoredCheckpoint>> ReadAsync(
        NpgsqlConnection connection, IReadOnlyCollection<PartitionKey> partitions, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(ReadSql, connection);
        command.Parameters.Add(Texts(partitions.Select(partition => partition.Hub)));
        command.Parameters.Add(Texts(partitions.Select(partition => partition.ConsumerGroup)));
        command.Parameters.Add(Texts(partitions.Select(partition => partition.Partition)));
        return (await ReadAllAsync(command, cancellationToken)).ToDictionary(checkpoint => checkpoint.Partition);
    }

    /// <summary>The statement that moves checkpoints; it must update exactly one row a move.</summary>
    internal static NpgsqlBatchCommand Move(IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> moves) => Move(MoveSql, moves);

    /// <summary>The statement that moves all of the checkpoints or fails, which <see cref="IsNotMoved"/> tells.</summary>
    internal static NpgsqlBatchCommand MoveOrFail(IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> moves) =>
        Move(MoveOrFailSql, moves);

    /// <summary>Whether <see cref="MoveOrFail"/> found a checkpoint elsewhere than where its move begins.</summary>
    internal static bool IsNotMoved(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.InvalidTextRepresentation
            && exception.MessageText.Contains(NotMovedText, StringComparison.Ordinal);

    private static NpgsqlBatchCommand Move(string sql, IReadOnlyList<(Checkpoint Move, ReadingCounts Counts)> moves)
    {
        // In the order in which a claim takes its row locks, so that the two do not wait for each other.
        moves = [.. moves
            .OrderBy(move => move.Move.Partition.Hub, StringComparer.Ordinal)
            .ThenBy(move => move.Move.Partition.ConsumerGroup, StringComparer.Ordinal)
            .ThenBy(move => move.Move.Partition.Partition, StringComparer.Ordinal)];
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.Add(Texts(moves.Select(move => move.Move.Partition.Hub)));
        command.Parameters.Add(Texts(moves.Select(move => move.Move.Partition.ConsumerGroup)));
        command.Parameters.Add(Texts(moves.Select(move => move.Move.Partition.Partition)));
        command.Parameters.Add(Numbers(moves.Select(move => move.Move.Epoch)));
        command.Parameters.Add(new NpgsqlParameter<long?[]> { TypedValue = [.. moves.Select(move => move.Move.From)] });
        command.Parameters.Add(Texts(moves.Select(move => move.Move.To.Offset)));
        command.Parameters.Add(Numbers(moves.Select(move => move.Move.To.SequenceNumber)));
        command.Parameters.Add(new NpgsqlParameter<DateTime[]>
        {
            TypedValue = [.. moves.Select(move => DateTime.SpecifyKind(move.Move.To.EnqueuedTime, DateTimeKind.Utc))],
        });
        foreach (var field in (Func<ReadingCounts, long>[])
            [
                a => a.Received,
                a => a.Stored,
                a => a.Duplicate,
                a => a.DeadLettered,
                a => a.Ignored,
                a => a.Collisions,
                a => a.NotKept,
                a => a.Missed,
            ])
        {
            command.Parameters.Add(Numbers(moves.Select(move => field(move.Counts))));
        }

        return command;
    }

    private static NpgsqlParameter<string[]> Texts(IEnumerable<string> values) => new() { TypedValue = [.. values] };

    private static NpgsqlParameter<long[]> Numbers(IEnumerable<long> values) => new() { TypedValue = [.. values] };

    private static async Task<List<StoredCheckpoint>> ReadAllAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        var checkpoints = new List<StoredCheckpoint>();
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.Default, cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var partition = new PartitionKey(reader.GetString(0), reader.GetString(1), reader.GetString(2));
            var position = reader.IsDBNull(4) || reader.IsDBNull(5)
                ? null
                : new Position(reader.GetString(4), reader.GetInt64(5), reader.IsDBNull(6) ? DateTime.UnixEpoch : reader.GetDateTime(6));
            var counts = new ReadingCounts(
                Received: reader.GetInt64(7),
                Stored: reader.GetInt64(8),
                Duplicate: reader.GetInt64(9),
                DeadLettered: reader.GetInt64(10),
                Ignored: reader.GetInt64(11),
                Collisions: reader.GetInt64(12),
                NotKept: reader.GetInt64(13),
                Missed: reader.GetInt64(14));
            checkpoints.Add(new StoredCheckpoint(partition, reader.GetInt64(3), position, counts, reader.GetDateTime(15)));
        }

        return checkpoints;
    }
}
