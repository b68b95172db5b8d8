using System.Text;
using CsCheck;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Write;

/// <summary>
/// For the same readings in any batches, orders and repetitions, by any number of writers, the table holds the same multiset of
/// (stamp, device, values): each different reading as often as the message that holds it most often.
/// </summary>
public sealed class OnePlacePropertyTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    // The values that types disagree about.
    private static readonly (string Name, ColumnType Type, Gen<object?> Values)[] Mapped =
    [
        ("d", ColumnType.Double, OneOf<object?>(null, 0.0, 0.1, double.NaN, double.PositiveInfinity, double.Epsilon, 1e308)),
        ("r", ColumnType.Real, OneOf<object?>(null, 0.1f, float.NaN, float.MaxValue)),
        ("n", ColumnType.Bigint, OneOf<object?>(null, 0L, long.MinValue)),
        ("i", ColumnType.Integer, OneOf<object?>(null, int.MaxValue)),
        ("f", ColumnType.Boolean, OneOf<object?>(null, true, false)),
        ("t", ColumnType.Text, OneOf<object?>(null, "", "x", "X", "\U0001F600")),
        ("z", ColumnType.Timestamptz, OneOf<object?>(null, WriteStage.Start, WriteStage.Start.AddMicroseconds(1))),
        (
            "j",
            ColumnType.Jsonb,
            OneOf("""{"a":1,"b":[1.0,null]}""", """{"b":[1,null],"a":1.00}""", "[]", "null", "\"\\u0041\"", "\"A\"", "1e2", "100").Select(
                text => (object?)JsonbValue.FromText(text))),
    ];

    private static readonly ColumnDefinition[] Columns =
        [.. Mapped.Select(column => new ColumnDefinition(column.Name, column.Type, Required: false))];

    private static readonly string Table =
        $"""
        DROP TABLE IF EXISTS many;
        CREATE TABLE many (time timestamptz NOT NULL, device text NOT NULL,
            {string.Join(", ", Mapped.Select(column => $"{column.Name} {SqlTypes.Of(column.Type).Name}"))});
        CREATE UNIQUE INDEX ON many (time, device);
        """;

    private static readonly string Contents =
        $"""
        SELECT count(*), count(
            DISTINCT (date_trunc('milliseconds', time), device, {string.Join(", ", Mapped.Select(column => column.Name))})),
            count(*) FILTER (WHERE time <> date_trunc('milliseconds', time)) FROM many
        """;

    // Few stamps, devices and values, so that most readings meet.
    private static readonly Gen<Reading> Readings = Gen.Select(
        Gen.Int[0, 3],
        OneOf("a", "b", "ä"),
        Mapped.Aggregate(
            Gen.Const(Array.Empty<object?>()),
            (row, column) => Gen.Select(row, column.Values, (values, value) => (object?[])[.. values, value])),
        (stamp, device, values) => new Reading(stamp, device, values));

    private static readonly Gen<Reading[][]> Batches = Readings.Array[1, 60].SelectMany(
        readings => Gen.Int[0, readings.Length - 1].Select(index => readings[index]).Array[0, 40].Array[1, 8].Select(
            again => (Reading[][])[readings, .. again]));

    // Every third value is no number. Sizes for single rows, for COPY, and for more bad elements than are kept of a message.
    private static readonly Gen<ArrayMessage> Messages = Gen.Select(
        Gen.Int[0, 39],
        OneOf("a", "b"),
        OneOf(0, 1, 5, 50, 400).SelectMany(count => OneOf(3, 900).SelectMany(most => Gen.Int[0, most].Array[count])),
        (stamp, device, elements) => new ArrayMessage(stamp, device, elements));

    private static readonly Gen<ArrayMessage[][]> Deliveries = Messages.Array[1, 8].SelectMany(
        messages => Gen.Int[0, messages.Length - 1].Select(index => messages[index]).Array[0, 8].Array[1, 5].Select(
            again => (ArrayMessage[][])[messages, .. again]));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Columns_of_every_type_are_written_and_compared() =>
        Assert.Equal(Enum.GetValues<ColumnType>().ToHashSet(), Mapped.Select(column => column.Type).ToHashSet());

    [Fact]
    public async Task Four_writers_with_redelivery_store_each_different_reading_once()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await Batches.SampleAsync(batches => CheckAsync(database, writers: 4, batches), iter: 40, threads: 1);
    }

    [Fact]
    public async Task Writers_that_are_abandoned_at_any_point_lose_nothing_that_is_delivered_again()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await Batches.SelectMany(batches => Gen.Int[0, 6_000].Select(after => (batches, after))).SampleAsync(
            async sample =>
            {
                await database.ExecuteAsync(Table, Stop);
                using var abandoned = new CancellationTokenSource(TimeSpan.FromMicroseconds(sample.after), TimeProvider.System);
                await using (var stage = NewStage(database))
                {
                    await Task.WhenAll(sample.batches.Select(async batch =>
                    {
                        try
                        {
                            await stage.ProcessAsync(batch, null, abandoned.Token);
                        }
                        catch (OperationCanceledException) when (abandoned.IsCancellationRequested)
                        {
                            // Delivered again below.
                        }
                    }));
                }

                await CheckAsync(database, writers: 2, sample.batches, empty: false);
            },
            iter: 30,
            threads: 1);
    }

    [Fact]
    public async Task Arrays_with_bad_elements_from_two_writers_balance_with_what_the_tables_hold()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await Deliveries.SampleAsync(
            async batches =>
            {
                await database.ExecuteAsync("TRUNCATE conditions, dead_letters, dead_letter_quotas", Stop);
                IngestPipeline[] pipelines = [new(database.Source, new IngestSettings()), new(database.Source, new IngestSettings())];
                var results = await Task.WhenAll(
                    batches.Select(
                        (batch, index) => pipelines[index % 2].ProcessAsync([.. batch.Select(message => message.ToEvent())], null, Stop)));
                foreach (var pipeline in pipelines)
                {
                    await pipeline.DisposeAsync();
                }

                var total = results.Aggregate(default(ReadingCounts), (sum, result) => sum + result.Counts);
                var delivered = batches.SelectMany(batch => batch).ToArray();
                var rows = delivered.SelectMany(
                    message => message.Good.CountBy(value => (message.Stamp, message.Device, value)))
                    .GroupBy(held => held.Key)
                    .Sum(held => (long)held.Max(message => message.Value));
                var letters = delivered.DistinctBy(
                    message => (message.Stamp, message.Device, message.Body)).Sum(message => Math.Min(100L, message.Bad));
                Assert.True(total.Balance);
                Assert.Equal(delivered.Sum(message => Math.Max(1, message.Elements.Length)), total.Received);
                Assert.Equal(delivered.Count(message => message.Elements.Length == 0), total.Ignored);
                Assert.Equal((rows, rows), (total.Stored, await database.RowsAsync("conditions", Stop)));
                Assert.Equal(delivered.Sum(message => Math.Max(0L, message.Bad - 100)), total.NotKept);
                Assert.Equal((letters, letters), (total.DeadLettered - total.NotKept, await database.RowsAsync("dead_letters", Stop)));
                Assert.Equal(
                    (letters, total.NotKept),
                    (await database.ScalarAsync<long>("SELECT coalesce(sum(kept), 0)::bigint FROM dead_letter_quotas", Stop),
                        await database.ScalarAsync<long>("SELECT coalesce(sum(not_kept), 0)::bigint FROM dead_letter_quotas", Stop)));
            },
            iter: 25,
            threads: 1);
    }

    [Fact]
    public async Task One_writer_on_a_hypertable_stores_each_different_reading_once()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Timescale, postgres, timescale, Stop);
        await Batches.SampleAsync(batches => CheckAsync(database, writers: 1, batches, hypertable: true), iter: 8, threads: 1);
    }

    private static async Task CheckAsync(
        TestDatabase database,
        int writers,
        Reading[][] batches,
        bool empty = true,
        bool hypertable = false)
    {
        if (empty)
        {
            await database.ExecuteAsync(Table, Stop);
            if (hypertable)
            {
                await database.ExecuteAsync("SELECT create_hypertable('many', 'time', create_default_indexes => false)", Stop);
            }
        }

        var stages = Enumerable.Range(0, writers).Select(_ => NewStage(database)).ToArray();
        var counts = await Task.WhenAll(batches.Select((batch, index) => stages[index % writers].ProcessAsync(batch, null, Stop)));
        foreach (var stage in stages)
        {
            await stage.DisposeAsync();
        }

        var total = counts.Aggregate((a, b) => a + b);
        Assert.True(total.Balance);
        var different = batches.SelectMany(batch => batch).Distinct(SameReading.Instance).Count();
        await using var command = database.Source.CreateCommand(Contents);
        await using var reader = await command.ExecuteReaderAsync(Stop);
        await reader.ReadAsync(Stop);
        Assert.Equal((different, different), (reader.GetInt64(0), reader.GetInt64(1)));
        if (empty)
        {
            Assert.Equal((different, reader.GetInt64(2)), (total.Stored, total.Collisions));
        }
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static WriteStage NewStage(TestDatabase database) => new(database.Source, database.Copy, "many", Columns);

    /// <summary>A message whose body is an array.</summary>
    private sealed record ArrayMessage(int Stamp, string Device, int[] Elements)
    {
        public IEnumerable<int> Good => Elements.Where(value => value % 3 != 0);

        public int Bad => Elements.Count(value => value % 3 == 0);

        public string Body { get; } = $"[{string.Join(',', Elements.Select(value => value % 3 == 0 ? $$"""{"temperature":"{{value}}"}""" : $$"""{"temperature":{{value}}}"""))}]";

        public RawEvent ToEvent() => new()
        {
            Hub = "test/hub",
            Partition = "0",
            RowTime = WriteStage.Start.AddMilliseconds(Stamp),
            DeviceId = Device,
            Body = Encoding.UTF8.GetBytes(Body),
        };
    }

    /// <summary>An opinion of its own about when readings are equal: by their columns' types, as PostgreSQL sees it.</summary>
    private sealed class SameReading : IEqualityComparer<Reading>
    {
        public static readonly SameReading Instance = new();

        public bool Equals(Reading? x, Reading? y) => x!.Stamp == y!.Stamp && x.Device == y.Device && x.Values.SequenceEqual(y.Values);

        public int GetHashCode(Reading reading) => HashCode.Combine(reading.Stamp, reading.Device);
    }
}
