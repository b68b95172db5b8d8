using Ingest.Decode;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.DeadLetters;

/// <summary>The tables <c>dead_letters</c> and <c>dead_letter_quotas</c>: the statements of a flush on them.</summary>
internal sealed class DeadLetterTable(int quotaPerDeviceAndDay)
{
    // Of bodies, in one statement.
    private const int MostBytesInStatement = 8 * 1024 * 1024;

    private const string KnownSql = "SELECT key FROM dead_letters WHERE key = ANY($1)";

    private const string QuotaSql = "SELECT device, kept FROM dead_letter_quotas WHERE day = $1 AND device = ANY($2)";

    private const string InsertSql =
        """
        INSERT INTO dead_letters (key, time, device, module, reason, detail, element, hub, partition, sequence_number, "offset",
            message_id, message_source, content_type, content_encoding, properties, body, received_at)
        SELECT * FROM unnest($1::bytea[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[],
            $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::jsonb[], $17::bytea[], $18::timestamptz[])
        ON CONFLICT (key) DO NOTHING
        """;

    private const string CountSql =
        """
        INSERT INTO dead_letter_quotas AS q (device, day, kept, not_kept)
        SELECT u.device, $1, u.kept, u.not_kept FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS u(device, kept, not_kept) ORDER BY u.device
        ON CONFLICT (device, day) DO UPDATE SET kept = q.kept + EXCLUDED.kept, not_kept = q.not_kept + EXCLUDED.not_kept
        """;

    private readonly DeadLetterQuota _quota = new(quotaPerDeviceAndDay);

    /// <summary>Decides which of the letters are new and which of those are kept.</summary>
    public async Task DecideAsync(NpgsqlConnection connection, IReadOnlyList<DeadLetter> letters, DateOnly day, CancellationToken cancellationToken)
    {
        var candidates = letters.Where(letter => letter.Key is not null).ToArray();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var kept = new Dictionary<string, long>(StringComparer.Ordinal);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(KnownSql) { Parameters = { new NpgsqlParameter<byte[][]> { TypedValue = [.. candidates.Select(letter => letter.Key!)] } } },
                new NpgsqlBatchCommand(QuotaSql)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<DateOnly> { TypedValue = day },
                        new NpgsqlParameter<string[]> { TypedValue = [.. candidates.Select(letter => letter.QuotaName).Distinct()] },
                    },
                },
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
                kept[reader.GetString(0)] = reader.GetInt64(1);
            }
        }

        foreach (var letter in candidates)
        {
            if (!known.Add(Convert.ToHexString(letter.Key!)))
            {
                letter.Fate = DeadLetterFate.Duplicate;
            }
            else if (_quota.Keeps(kept.GetValueOrDefault(letter.QuotaName), letter.Key!))
            {
                letter.Fate = DeadLetterFate.Kept;
                kept[letter.QuotaName] = kept.GetValueOrDefault(letter.QuotaName) + 1;
            }
        }
    }

    /// <summary>The letters that are kept, by the statement that is to keep them, so that none grows past what a server takes.</summary>
    public static IReadOnlyList<IReadOnlyList<DeadLetter>> Statements(IEnumerable<DeadLetter> letters)
    {
        var statements = new List<List<DeadLetter>>();
        long bytes = 0;
        foreach (var letter in letters.Where(letter => letter.Fate == DeadLetterFate.Kept))
        {
            if (statements.Count == 0 || bytes + letter.Message.Body.Length > MostBytesInStatement)
            {
                statements.Add([]);
                bytes = 0;
            }

            statements[^1].Add(letter);
            bytes += letter.Message.Body.Length;
        }

        return statements;
    }

    /// <summary>The statement that keeps letters; it must insert exactly one row a letter.</summary>
    public static NpgsqlBatchCommand Insert(IReadOnlyList<DeadLetter> kept, DateTime receivedAt)
    {
        NpgsqlParameter Texts(Func<DeadLetter, string?> field) =>
            new NpgsqlParameter<string?[]> { TypedValue = [.. kept.Select(letter => DeadLetterText.Clean(field(letter)))] };

        return new NpgsqlBatchCommand(InsertSql)
        {
            Parameters =
            {
                new NpgsqlParameter<byte[][]> { TypedValue = [.. kept.Select(letter => letter.Key!)] },
                new NpgsqlParameter<DateTime?[]> { TypedValue = [.. kept.Select(letter => Utc(letter.Message.EnqueuedTime))], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz },
                Texts(letter => letter.Message.DeviceId),
                Texts(letter => letter.Message.ModuleId),
                Texts(letter => RejectReasonCode.Of(letter.Rejection.Reason)),
                Texts(letter => letter.Rejection.Detail),
                new NpgsqlParameter<int[]> { TypedValue = [.. kept.Select(letter => letter.Rejection.Element)] },
                Texts(letter => letter.Message.Hub),
                Texts(letter => letter.Message.Partition),
                new NpgsqlParameter<long?[]> { TypedValue = [.. kept.Select(letter => letter.Message.SequenceNumber)] },
                Texts(letter => letter.Message.Offset),
                Texts(letter => letter.Message.MessageId),
                Texts(letter => letter.Message.MessageSource),
                Texts(letter => letter.Message.ContentType),
                Texts(letter => letter.Message.ContentEncoding),
                new NpgsqlParameter<string[]> { TypedValue = [.. kept.Select(letter => DeadLetterText.Properties(letter.Message.Properties))], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb },
                new NpgsqlParameter<byte[][]> { TypedValue = [.. kept.Select(letter => letter.Message.Body.ToArray())] },
                new NpgsqlParameter<DateTime[]> { TypedValue = [.. kept.Select(_ => receivedAt)] },
            },
        };
    }

    /// <summary>The statement that counts new letters against their devices' quotas.</summary>
    public static NpgsqlBatchCommand Count(IReadOnlyList<DeadLetter> letters, DateOnly day)
    {
        var byDevice = letters
            .Where(letter => letter.Fate != DeadLetterFate.Duplicate)
            .GroupBy(letter => letter.QuotaName, StringComparer.Ordinal)
            .ToArray();
        return new NpgsqlBatchCommand(CountSql)
        {
            Parameters =
            {
                new NpgsqlParameter<DateOnly> { TypedValue = day },
                new NpgsqlParameter<string[]> { TypedValue = [.. byDevice.Select(group => group.Key)] },
                new NpgsqlParameter<long[]> { TypedValue = [.. byDevice.Select(group => group.LongCount(letter => letter.Fate == DeadLetterFate.Kept))] },
                new NpgsqlParameter<long[]> { TypedValue = [.. byDevice.Select(group => group.LongCount(letter => letter.Fate == DeadLetterFate.NotKept))] },
            },
        };
    }

    private static DateTime? Utc(DateTime? time) => time is { } value ? DateTime.SpecifyKind(value, DateTimeKind.Utc) : null;
}
