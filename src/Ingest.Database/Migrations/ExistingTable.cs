using Npgsql;

namespace Ingest.Database.Migrations;

/// <summary>
/// A table <c>conditions</c> that was there before the migration: whether the scripts fit it, found out before they change it.
/// </summary>
internal static class ExistingTable
{
    private const string Advice =
        "Nothing was changed. Put it right as said and migrate again; or leave it alone: rename it, or migrate into a schema of its own "
            + "(Search Path=… in Database:ConnectionString).";

    // The columns of the key as they are, what partitions it, and the unique indexes that TimescaleDB cannot keep.
    private const string Facts = """
        SELECT c.relkind::text,
               (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = c.oid AND attname = 'time' AND NOT attisdropped),
               (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = c.oid AND attname = 'device' AND NOT attisdropped),
               pg_get_partkeydef(c.oid),
               (SELECT partdefid::regclass::text FROM pg_partitioned_table WHERE partrelid = c.oid AND partdefid <> 0),
               (SELECT string_agg(i.indexrelid::regclass::text, ', ') FROM pg_index AS i
                WHERE i.indrelid = c.oid AND i.indisunique AND NOT EXISTS (
                    SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = c.oid AND a.attname = 'time' AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])))
        FROM pg_class AS c WHERE c.oid = to_regclass(quote_ident(current_schema()) || '.conditions')
        """;

    // A column of each that no other program's table of that name has by chance.
    private const string Foreign = """
        SELECT string_agg(own.name, ', ')
        FROM (VALUES ('checkpoints', 'epoch'), ('dead_letters', 'received_at'), ('dead_letter_quotas', 'not_kept'),
                     ('dead_letter_totals', 'not_kept'), ('partition_owners', 'owned_since')) AS own (name, col)
        JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(current_schema()) || '.' || own.name)
        WHERE c.relkind NOT IN ('r', 'p')
           OR NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = own.col AND NOT a.attisdropped)
        """;

    /// <summary>Whether the names of the pipeline's own tables are taken.</summary>
    /// <exception cref="DatabaseSetupException">They are; the message says which, and what to do.</exception>
    public static async Task CheckNamesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Foreign, connection);
        if (await command.ExecuteScalarAsync(cancellationToken) is string taken)
        {
            throw new DatabaseSetupException(
                $"Something else has the name of tables that are needed here: {taken}. Nothing was changed. Rename it, or migrate into a "
                    + "schema of its own (Search Path=… in Database:ConnectionString).");
        }
    }

    /// <exception cref="DatabaseSetupException">They do not; the message says all that is wrong, and what to do.</exception>
    public static async Task CheckAsync(
        NpgsqlConnection connection, TableLayout found, TableLayout planned, CancellationToken cancellationToken)
    {
        List<string> problems = [];
        string kind;
        string? time, device, partitionKey, defaultPartition, uniqueWithoutTime;
        await using (var command = new NpgsqlCommand(Facts, connection))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            await reader.ReadAsync(cancellationToken);
            kind = reader.GetString(0);
            (time, device, partitionKey) = (TextOf(reader, 1), TextOf(reader, 2), TextOf(reader, 3));
            (defaultPartition, uniqueWithoutTime) = (TextOf(reader, 4), TextOf(reader, 5));
        }

        if (kind is not ("r" or "p"))
        {
            throw new DatabaseSetupException($"conditions is there, and is no table that takes rows. {Advice}");
        }

        CheckKey(time, device, problems);
        if (partitionKey is not null && !string.Equals(partitionKey, "RANGE (\"time\")", StringComparison.OrdinalIgnoreCase))
        {
            problems.Add($"conditions is partitioned by {partitionKey}, and a partition a day needs PARTITION BY RANGE (time).");
        }

        if (defaultPartition is not (null or "conditions_default"))
        {
            problems.Add(
                $"Its default partition is called {defaultPartition}: ALTER TABLE {defaultPartition} RENAME TO conditions_default.");
        }

        if (found == TableLayout.Ordinary && planned == TableLayout.Hypertable && time is not null)
        {
            await CheckForHypertableAsync(connection, uniqueWithoutTime, problems, cancellationToken);
        }

        if (problems.Count > 0)
        {
            throw new DatabaseSetupException($"The table conditions that is there does not fit. {string.Join(" ", problems)} {Advice}");
        }
    }

    private static void CheckKey(string? time, string? device, List<string> problems)
    {
        if (time is null)
        {
            problems.Add("conditions has no column time: ALTER TABLE conditions ADD COLUMN \"time\" timestamptz.");
        }
        else if (time != "timestamp with time zone")
        {
            problems.Add(
                $"Its column time is {time}: ALTER TABLE conditions ALTER COLUMN \"time\" TYPE timestamptz, with USING \"time\" AT TIME "
                    + "ZONE 'UTC' (or the zone that was written) where it had none.");
        }

        if (device is null)
        {
            problems.Add("conditions has no column device: ALTER TABLE conditions ADD COLUMN device text, or RENAME COLUMN … TO device.");
        }
        else if (device is not ("text" or "uuid") && !device.StartsWith("character varying", StringComparison.Ordinal))
        {
            problems.Add($"Its column device is {device}: ALTER TABLE conditions ALTER COLUMN device TYPE text.");
        }
    }

    private static async Task CheckForHypertableAsync(
        NpgsqlConnection connection, string? uniqueWithoutTime, List<string> problems, CancellationToken cancellationToken)
    {
        if (uniqueWithoutTime is not null)
        {
            problems.Add(
                $"A hypertable can keep no unique index without the column time, and it has {uniqueWithoutTime}: drop it, or make it an "
                    + "index that is not unique.");
        }

        await using var command = new NpgsqlCommand("SELECT EXISTS (SELECT FROM conditions)", connection);
        if (await command.ExecuteScalarAsync(cancellationToken) is true)
        {
            problems.Add(
                "It is an ordinary table that has rows, which no migration moves into chunks unasked: SELECT "
                    + "create_hypertable('conditions', 'time', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false, "
                    + "migrate_data => true), which locks it meanwhile.");
        }
    }

    private static string? TextOf(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
}
