using System.Globalization;
using System.Text;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Write;
using Npgsql;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Sends mutated bodies, each between two good ones, through the whole pipeline into a database, from several partitions at once, and
/// twice. Then every body is looked for: its rows and dead letters must be those that it decodes to (which <see cref="DecoderFuzzer"/>
/// judges), there must be no other, and the counts must say so.
/// </summary>
public sealed class PipelineFuzzer : IAsyncDisposable
{
    private const int Partitions = 4;
    private const int BatchSize = 50;
    private const string Good = "4711";
    private const int RoundsToBombs = 25;
    private const int BombsOfBatch = 3;

    private static readonly DateTime Start = new(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc);
    private static readonly byte[] GoodBody = Encoding.UTF8.GetBytes($$"""{"temperature":{{Good}}}""");

    private readonly NpgsqlDataSource _source;
    private readonly BodyMutator _bodies;
    private readonly BombMutator _bombs;
    private readonly BatchDecoder _decoder;
    private readonly IngestPipeline _pipeline;
    private int _messages;
    private int _rounds;

    private PipelineFuzzer(NpgsqlDataSource source, int seed)
    {
        _source = source;
        _bodies = new BodyMutator(seed);
        _bombs = new BombMutator(seed);
        var telemetry = FuzzedTable.Wide();
        _decoder = new BatchDecoder(TelemetryMapping.Create(telemetry), telemetry, TimeProvider.System);
        _pipeline = new IngestPipeline(
            source,
            new IngestSettings { Telemetry = telemetry, DeadLetters = new DeadLetterSettings { QuotaPerDeviceAndDay = 10_000_000 } });
    }

    public long Bodies { get; private set; }

    /// <summary>Messages besides that are small and mean much.</summary>
    public long Bombs { get; private set; }

    /// <summary>Where the readings of the first delivery ended, those of the good bodies included.</summary>
    public ReadingCounts Counts { get; private set; }

    /// <param name="database">A migrated database, as somebody who may create a table.</param>
    /// <param name="seed">The same seed gives the same bodies.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    public static async Task<PipelineFuzzer> CreateAsync(string database, int seed, CancellationToken cancellationToken)
    {
        var source = DatabaseConnections.Create(new DatabaseSettings { ConnectionString = database });
        await using var command = source.CreateCommand(FuzzedTable.Create);
        await command.ExecuteNonQueryAsync(cancellationToken);
        return new PipelineFuzzer(source, seed);
    }

    /// <summary>Sends so many more bodies.</summary>
    /// <returns>Null, or what went wrong, with the bodies, in base64, that show it.</returns>
    public async Task<string?> RunAsync(long bodies, CancellationToken cancellationToken)
    {
        for (var until = Bodies + bodies; Bodies < until; Bodies += Partitions * BatchSize)
        {
            if ((await RoundAsync(cancellationToken)
                ?? (++_rounds % RoundsToBombs == 0 ? await BombRoundAsync(cancellationToken) : null)) is { } failure)
            {
                return failure;
            }
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await _pipeline.DisposeAsync();
        await _source.DisposeAsync();
    }

    private async Task<string?> RoundAsync(CancellationToken cancellationToken)
    {
        await EmptyAsync(cancellationToken);
        var batches = Enumerable.Range(0, Partitions).Select(Batch).ToList();
        var first = await SendAsync(batches, cancellationToken);
        var again = await SendAsync(batches, cancellationToken);
        var expected = batches.SelectMany(batch => Expected(batch)).ToDictionary(outcome => outcome.Stamp);
        var found = await FoundAsync(cancellationToken);
        foreach (var outcome in expected.Values)
        {
            var there = found.GetValueOrDefault(outcome.Stamp) ?? [];
            if (!outcome.Places.Order(StringComparer.Ordinal).SequenceEqual(there.Order(StringComparer.Ordinal), StringComparer.Ordinal))
            {
                return $"A body must be {Text(outcome.Places)}, and is {Text(there)}. The body, in base64: "
                    + $"{Convert.ToBase64String(outcome.Body)}";
            }

            if (outcome.Readings != outcome.Counts.Received)
            {
                return $"A body of {outcome.Readings} readings is received as {outcome.Counts.Received}. The body, in base64: "
                    + $"{Convert.ToBase64String(outcome.Body)}";
            }

            if (outcome.IsGood && (there is not [var only] || !only.StartsWith($"row {Good} |", StringComparison.Ordinal)))
            {
                return $"The neighbour of a bad body is {Text(there)}. {InBase64(batches)}";
            }
        }

        var total = expected.Values.Aggregate(default(ReadingCounts), (sum, outcome) => sum + outcome.Counts);
        var repeated = new ReadingCounts(total.Received, 0, total.Received - total.Ignored, 0, total.Ignored);
        Counts += first;
        return found.Keys.Any(
            stamp => !expected.ContainsKey(stamp)) ? "There are rows or dead letters with stamps that nothing was sent with."
            : first != total ? $"The counts are {first}, and must be {total}. {InBase64(batches)}"
            : again != repeated ? $"Sent again, the counts are {again}, and must be {repeated}. {InBase64(batches)}"
            : null;
    }

    // What has ten thousand readings is not looked for by each of them: the counts agree, the neighbours are there, nothing is stored
    // twice, and what is stored can be written out.
    private async Task<string?> BombRoundAsync(CancellationToken cancellationToken)
    {
        await EmptyAsync(cancellationToken);
        var bombs = Enumerable.Range(0, Partitions).Select(
            _ => Enumerable.Range(0, BombsOfBatch).Select(_ => _bombs.Next()).ToArray()).ToArray();
        var batches = bombs.Select(
            (some, partition) => some.SelectMany(bomb => new[] { Message(partition, GoodBody), Message(partition, bomb.Body, bomb) })
                .Append(Message(partition, GoodBody))
                .ToArray())
            .ToList();
        var good = batches.Sum(batch => batch.Count(message => message.Body.Span.SequenceEqual(GoodBody)));
        var first = await SendAsync(batches, cancellationToken);
        var again = await SendAsync(batches, cancellationToken);
        Bombs += bombs.Sum(some => some.Length);
        Counts += first;
        await using var count = _source.CreateCommand(
            $"""
            SELECT (SELECT count(*) FROM fuzzed), (SELECT count(*) FROM dead_letters),
                (SELECT count(*) FROM fuzzed WHERE temperature = {Good}),
                (SELECT coalesce(max(octet_length(payload::text) + octet_length(coalesce(data::text, ''))), 0) FROM fuzzed)
            """);
        await using var reader = await count.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var (rows, letters, neighbours) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
        var received = bombs.Sum(some => some.Sum(DecoderFuzzer.Received)) + good;
        return first.Received != received || !first.Balance || first.Stored != rows || first.DeadLettered - first.NotKept != letters
            ? $"{received} readings were sent, the counts are {first}, and there are {rows} rows and {letters} dead letters. "
                + $"{InBase64(batches)}"
            : neighbours < good ? $"{good - neighbours} neighbours are missing. {InBase64(batches)}"
            : again.Received != received || !again.Balance || again.Stored != 0 || again.DeadLettered != first.NotKept
            ? $"Sent again, the counts are {again}. {InBase64(batches)}"
            : null;
    }

    private async Task EmptyAsync(CancellationToken cancellationToken)
    {
        await using var empty = _source.CreateCommand("TRUNCATE fuzzed, dead_letters, dead_letter_quotas, dead_letter_totals");
        await empty.ExecuteNonQueryAsync(cancellationToken);
    }

    private RawEvent[] Batch(int partition) =>
        [.. Enumerable.Range(0, BatchSize).SelectMany(
            _ => new[] { GoodBody, _bodies.Next() }).Append(GoodBody).Select(body => Message(partition, body))];

    // A stamp of its own for each, by which its rows and dead letters are found.
    private RawEvent Message(int partition, byte[] body, Bomb? bomb = null)
    {
        var stamp = Start.AddMilliseconds(_messages++);
        return new RawEvent
        {
            Hub = "fuzz",
            Partition = partition.ToString(CultureInfo.InvariantCulture),
            DeviceId = "dev-1",
            RowTime = stamp,
            EnqueuedTime = stamp,
            ContentEncoding = bomb?.ContentEncoding,
            ContentType = bomb?.ContentType,
            Body = body,
        };
    }

    private async Task<ReadingCounts> SendAsync(IEnumerable<RawEvent[]> batches, CancellationToken cancellationToken)
    {
        var results = await Task.WhenAll(batches.Select(batch => _pipeline.ProcessAsync(batch, null, cancellationToken)));
        return results.Aggregate(default(ReadingCounts), (sum, result) => sum + result.Counts);
    }

    private IEnumerable<Outcome> Expected(RawEvent[] events)
    {
        using var batch = _decoder.Decode(events);
        var rows = Enumerable.Range(0, batch.Readings.Count)
            .Select(row => (Event: batch.Readings.EventIndexes[row], Text: RowText(batch.Readings.Columns, row)))
            .ToLookup(row => row.Event, row => row.Text);
        var letters = batch.Rejections.ToLookup(rejection => rejection.EventIndex);
        return [.. events.Select((message, index) => Outcome.Of(message, [.. rows[index]], [.. letters[index]]))];
    }

    private async Task<Dictionary<DateTime, List<string>>> FoundAsync(CancellationToken cancellationToken)
    {
        Dictionary<DateTime, List<string>> found = [];
        await using (var rows = _source.CreateCommand("SELECT date_trunc('milliseconds', time), * FROM fuzzed"))
        await using (var reader = await rows.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var values = Enumerable.Range(3, reader.FieldCount - 3).Select(column => reader.IsDBNull(column)
                    ? null
                    : reader.GetDataTypeName(column) == "jsonb" ? JsonbValue.FromText(reader.GetString(column)) : reader.GetValue(column));
                Add(reader.GetDateTime(0), RowText(values));
            }
        }

        await using (var letters = _source.CreateCommand("SELECT time, element, reason, body FROM dead_letters"))
        await using (var reader = await letters.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                Add(reader.GetDateTime(0), LetterText(reader.GetInt32(1), reader.GetString(2), reader.GetFieldValue<byte[]>(3)));
            }
        }

        return found;

        void Add(DateTime stamp, string text)
        {
            if (!found.TryGetValue(stamp, out var there))
            {
                found.Add(stamp, there = []);
            }

            there.Add(text);
        }
    }

    private static string RowText(IReadOnlyList<ValueColumn> columns, int row) =>
        RowText(columns.Select(column => ColumnValues.Of(column, row)));

    // Equal where PostgreSQL calls the values equal: zero has no sign.
    private static string RowText(IEnumerable<object?> values) => "row " + string.Join(" | ", values.Select(value => value switch
    {
        null => "NULL",
        double number => (number == 0 ? 0 : number).ToString("R", CultureInfo.InvariantCulture),
        float number => (number == 0 ? 0 : number).ToString("R", CultureInfo.InvariantCulture),
        DateTime time => time.ToString("O", CultureInfo.InvariantCulture),
        JsonbValue json => json.Canonical,
        string text => $"'{text}'",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    }));

    private static string LetterText(int element, string reason, byte[] body) =>
        string.Create(CultureInfo.InvariantCulture, $"dead letter {element}, {reason}: {Convert.ToBase64String(body)}");

    private static string Text(IReadOnlyCollection<string> places) => places.Count == 0 ? "nowhere" : string.Join("; ", places);

    private static string InBase64(IEnumerable<RawEvent[]> batches) =>
        $"The bodies, in base64: "
            + string.Join(
                ' ',
                batches.SelectMany(batch => batch)
                    .Where((_, index) => index % 2 == 1)
                    .Select(message => Convert.ToBase64String(message.Body.Span)));

    /// <summary>Where a message must be found.</summary>
    private sealed record Outcome(DateTime Stamp, byte[] Body, long Readings, ReadingCounts Counts, IReadOnlyList<string> Places)
    {
        public bool IsGood => Body.AsSpan().SequenceEqual(GoodBody);

        public static Outcome Of(RawEvent message, string[] rows, Rejection[] letters)
        {
            var body = message.Body.ToArray();
            var ignored = rows.Length + letters.Length == 0 ? 1 : 0;
            var counts = new ReadingCounts(
                rows.Length + letters.Length + ignored,
                rows.Length,
                0,
                letters.Length,
                ignored,
                Collisions: Math.Max(0, rows.Length - 1));
            return new Outcome(
                message.EnqueuedTime!.Value,
                body,
                Math.Max(1, DecoderFuzzer.Readings(body) ?? 1),
                counts,
                [.. rows, .. letters.Select(letter => LetterText(letter.ElementIndex, RejectReasonCode.Of(letter.Reason), body))]);
        }
    }
}
