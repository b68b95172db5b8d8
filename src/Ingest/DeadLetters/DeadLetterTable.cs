using Ingest.Decode;
using Ingest.Settings;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.DeadLetters;

/// <summary>
/// The tables <c>dead_letters</c>, <c>dead_letter_quotas</c> and <c>dead_letter_totals</c>: the statements of a flush on them.
/// </summary>
/// <param name="settings">How much is kept.</param>
/// <param name="frame">What letters are kept with.</param>
internal sealed class DeadLetterTable(DeadLetterSettings settings, DeadLetterFrame frame)
{
    // In one statement.
    private const int MostBytesInStatement = 8 * 1024 * 1024;

    private const string KnownSql = "SELECT key FROM dead_letters WHERE key = ANY($1)";

    private const string QuotaSql = "SELECT device, kept, kept_bytes FROM dead_letter_quotas WHERE day = $1 AND device = ANY($2)";

    private const string TotalSql = "SELECT kept, kept_bytes FROM dead_letter_totals WHERE day = $1";

    private const string InsertSql =
        """
        INSERT INTO dead_letters (key, time, device, module, reason, detail, element, hub, partition, sequence_number, "offset",
            message_id, message_source, content_type, content_encoding, properties, body, received_at, annotations, numbering)
        SELECT * FROM unnest(
            $1::bytea[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[],
            $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::jsonb[], $17::bytea[], $18::timestamptz[],
            $19::jsonb[], $20::text[])
        ON CONFLICT (key) DO NOTHING
        """;

    private const string CountSql =
        """
        INSERT INTO dead_letter_quotas AS q (device, day, kept, kept_bytes, not_kept)
        SELECT u.device, $1, u.kept, u.kept_bytes, u.not_kept
        FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS u(device, kept, kept_bytes, not_kept) ORDER BY u.device
        ON CONFLICT (device, day) DO UPDATE
            SET kept = q.kept + EXCLUDED.kept, kept_bytes = q.kept_bytes + EXCLUDED.kept_bytes, not_kept = q.not_kept + EXCLUDED.not_kept
        """;

    private const string CountAllSql =
        """
        INSERT INTO dead_letter_totals AS t (day, kept, kept_bytes, not_kept) VALUES ($1, $2, $3, $4)
        ON CONFLICT (day) DO UPDATE
            SET kept = t.kept + EXCLUDED.kept, kept_bytes = t.kept_bytes + EXCLUDED.kept_bytes, not_kept = t.not_kept + EXCLUDED.not_kept
        """;

    private readonly DeadLetterQuota _quota = new(settings);

    /// <summary>Which of these keys have a dead letter, as hexadecimal digits.</summary>
    public static async Task<IReadOnlySet<string>> KnownAsync(
        NpgsqlConnection connection, byte[][] keys, CancellationToken cancellationToken)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        if (keys.Length > 0)
        {
            await using var command = new NpgsqlCommand(KnownSql, connection)
            {
                Parameters = { new NpgsqlParameter<byte[][]> { TypedValue = keys } },
            };
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                known.Add(Convert.ToHexString(reader.GetFieldValue<byte[]>(0)));
            }
        }

        return known;
    }

    /// <summary>Decides which of the letters are new and which of those are kept.</summary>
    public async Task DecideAsync(
        NpgsqlConnection connection, IReadOnlyList<DeadLetter> letters, DateOnly day, CancellationToken cancellationToken)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        var byDevice = new Dictionary<string, DeadLettersKept>(StringComparer.Ordinal);
        var all = default(DeadLettersKept);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(KnownSql)
                {
                    Parameters = { new NpgsqlParameter<byte[][]> { TypedValue = [.. letters.Select(letter => letter.Key)] } },
                },
                new NpgsqlBatchCommand(QuotaSql)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<DateOnly> { TypedValue = day },
                        new NpgsqlParameter<string[]> { TypedValue = [.. letters.Select(letter => letter.Source.QuotaName).Distinct()] },
                    },
                },
                new NpgsqlBatchCommand(TotalSql) { Parameters = { new NpgsqlParameter<DateOnly> { TypedValue = day } } },
            },
        };
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                known.Add(Convert.ToHexString(reader.GetFieldValue<byte[]>(0)));
            }

            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                byDevice[reader.GetString(0)] = new DeadLettersKept(reader.GetInt64(1), reader.GetInt64(2));
            }

            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                all = new DeadLettersKept(reader.GetInt64(0), reader.GetInt64(1));
            }
        }

        foreach (var letter in letters)
        {
            var device = byDevice.GetValueOrDefault(letter.Source.QuotaName);
            if (!known.Add(Convert.ToHexString(letter.Key)))
            {
                letter.Outcome = DeadLetterOutcome.Duplicate;
            }
            else if (_quota.Keeps(device, all, letter.Key, letter.Bytes))
            {
                letter.Outcome = DeadLetterOutcome.Kept;
                byDevice[letter.Source.QuotaName] = device.With(letter.Bytes);
                all = all.With(letter.Bytes);
            }
        }
    }

    /// <summary>The letters that are kept, by the statement that is to keep them, so that none grows past what a server takes.</summary>
    public static IReadOnlyList<IReadOnlyList<DeadLetter>> Statements(IEnumerable<DeadLetter> letters)
    {
        var statements = new List<List<DeadLetter>>();
        long bytes = 0;
        foreach (var letter in letters.Where(letter => letter.Outcome == DeadLetterOutcome.Kept))
        {
            if (statements.Count == 0 || bytes + letter.Bytes > MostBytesInStatement)
            {
                statements.Add([]);
                bytes = 0;
            }

            statements[^1].Add(letter);
            bytes += letter.Bytes;
        }

        return statements;
    }

    /// <summary>Inserts all but those of the last statement, which goes into the last round trip: mostly there is only one.</summary>
    /// <returns>Whether all of them were new.</returns>
    public async Task<bool> InsertAllButLastAsync(
        NpgsqlConnection connection, IReadOnlyList<IReadOnlyList<DeadLetter>> statements, DateTime now, CancellationToken cancellationToken)
    {
        for (var statement = 0; statement < statements.Count - 1; statement++)
        {
            await using var batch = new NpgsqlBatch(connection) { BatchCommands = { Insert(statements[statement], now) } };
            if (await batch.ExecuteNonQueryAsync(cancellationToken) != statements[statement].Count)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The statement that keeps letters; it must insert exactly one row a letter.</summary>
    public NpgsqlBatchCommand Insert(IReadOnlyList<DeadLetter> kept, DateTime receivedAt)
    {
        NpgsqlParameter Texts(Func<DeadLetter, string?> field) =>
            new NpgsqlParameter<string?[]> { TypedValue = [.. kept.Select(letter => DeadLetterText.Clean(field(letter)))] };

        return new NpgsqlBatchCommand(InsertSql)
        {
            Parameters =
            {
                new NpgsqlParameter<byte[][]> { TypedValue = [.. kept.Select(letter => letter.Key)] },
                new NpgsqlParameter<DateTime?[]>
                {
                    TypedValue = [.. kept.Select(letter => Utc(letter.Message.RowTime))],
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
                },
                Texts(letter => letter.Message.DeviceId),
                Texts(letter => letter.Message.ModuleId),
                Texts(letter => RejectReasonCode.Of(letter.Rejection.Reason)),
                Texts(letter => letter.Rejection.Detail),
                new NpgsqlParameter<int[]> { TypedValue = [.. kept.Select(letter => letter.Rejection.ElementIndex)] },
                Texts(letter => letter.Message.Hub),
                Texts(letter => letter.Message.Partition),
                new NpgsqlParameter<long?[]> { TypedValue = [.. kept.Select(letter => letter.Message.SequenceNumber)] },
                Texts(letter => letter.Message.Offset),
                Texts(letter => letter.Message.MessageId),
                Texts(letter => letter.Message.MessageSource),
                Texts(letter => letter.Message.ContentType),
                Texts(letter => letter.Message.ContentEncoding),
                new NpgsqlParameter<string[]>
                {
                    TypedValue = [.. kept.Select(letter => letter.Source.Properties)],
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
                },
                new NpgsqlParameter<byte[][]> { TypedValue = [.. kept.Select(letter => letter.Source.Body)] },
                new NpgsqlParameter<DateTime[]> { TypedValue = [.. kept.Select(_ => receivedAt)] },
                new NpgsqlParameter<string[]>
                {
                    TypedValue = [.. kept.Select(letter => frame.Of(letter.Message))],
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
                },
                Texts(_ => frame.Numbering),
            },
        };
    }

    /// <summary>The statements that count new letters against the quotas of their devices and of all.</summary>
    public static IEnumerable<NpgsqlBatchCommand> Count(
        IReadOnlyList<DeadLetter> letters, IReadOnlyList<DeadLetterCount> counts, DateOnly day)
    {
        var byDevice = letters
            .Where(letter => letter.Outcome != DeadLetterOutcome.Duplicate)
            .Select(
                letter => (
                    letter.Source.QuotaName,
                    Kept: letter.Outcome == DeadLetterOutcome.Kept ? 1L : 0,
                    Bytes: letter.Outcome == DeadLetterOutcome.Kept ? letter.Bytes : 0,
                    NotKept: letter.Outcome == DeadLetterOutcome.Kept ? 0L : 1))
            .Concat(counts.Select(count => (count.QuotaName, Kept: 0L, Bytes: 0L, NotKept: count.Count)))
            .GroupBy(count => count.QuotaName, StringComparer.Ordinal)
            .Select(
                group => (
                    Device: group.Key,
                    Kept: group.Sum(count => count.Kept),
                    Bytes: group.Sum(count => count.Bytes),
                    NotKept: group.Sum(count => count.NotKept)))
            .ToArray();
        if (byDevice.Length == 0)
        {
            yield break;
        }

        yield return new NpgsqlBatchCommand(CountSql)
        {
            Parameters =
            {
                new NpgsqlParameter<DateOnly> { TypedValue = day },
                new NpgsqlParameter<string[]> { TypedValue = [.. byDevice.Select(count => count.Device)] },
                new NpgsqlParameter<long[]> { TypedValue = [.. byDevice.Select(count => count.Kept)] },
                new NpgsqlParameter<long[]> { TypedValue = [.. byDevice.Select(count => count.Bytes)] },
                new NpgsqlParameter<long[]> { TypedValue = [.. byDevice.Select(count => count.NotKept)] },
            },
        };

        // After the devices', in every writer: one row for all of them, whose lock is then held no longer than it takes to commit.
        yield return new NpgsqlBatchCommand(CountAllSql)
        {
            Parameters =
            {
                new NpgsqlParameter<DateOnly> { TypedValue = day },
                new NpgsqlParameter<long> { TypedValue = byDevice.Sum(count => count.Kept) },
                new NpgsqlParameter<long> { TypedValue = byDevice.Sum(count => count.Bytes) },
                new NpgsqlParameter<long> { TypedValue = byDevice.Sum(count => count.NotKept) },
            },
        };
    }

    private static DateTime? Utc(DateTime? time) => time is { } value ? DateTime.SpecifyKind(value, DateTimeKind.Utc) : null;
}
