using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Failures;
using Ingest.Settings;
using Ingest.Write;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class CollisionResolverTests
{
    private const long Stamp = 1_700_000_000_000_000;

    private static readonly ColumnDefinition[] Columns = [new("value", ColumnType.Double, false)];

    private readonly FlushRows _rows = new();
    private readonly CollisionResolver _twins = new();
    private readonly Refusals _refusals = new();

    [Fact]
    public void Equal_readings_of_different_messages_are_one_reading()
    {
        Resolve(Messages([(Stamp, "a", 1), (Stamp, "a", 1), (Stamp, "b", 1), (Stamp + 1_000, "a", 1)]));

        Assert.Equal([RowOutcome.Stored, RowOutcome.Duplicate, RowOutcome.Stored, RowOutcome.Stored], _rows.Outcomes.ToArray());
        Assert.Equal(3, _rows.New);
    }

    [Theory]
    [InlineData(3, 2, 0, 3, 0)]
    [InlineData(2, 3, 0, 2, 1)]
    [InlineData(3, 3, 1, 2, 0)]
    [InlineData(1, 2, 2, 0, 0)]
    [InlineData(1, 4, 2, 0, 2)]
    public void Equal_readings_of_one_message_are_as_many_rows_as_the_fullest_message_holds(
        int first, int second, int stored, int newOfFirst, int newOfSecond)
    {
        var stays = Enumerable.Range(0, stored).Select(number => (Stamp + (number * 2), "a", (double?)1)).Append((Stamp + 7, "a", 2));

        Resolve([.. stays], [Message(Enumerable.Repeat((Stamp, "a", (double?)1), first)),
            Message(Enumerable.Repeat((Stamp, "a", (double?)1), second))]);

        var isNew = Enumerable.Range(0, first + second).Select(_rows.IsNew).ToArray();
        Assert.Equal((newOfFirst, newOfSecond), (isNew[..first].Count(it => it), isNew[first..].Count(it => it)));
        Assert.Equal(_rows.New, Enumerable.Range(0, first + second).Where(_rows.IsNew).Select(row => _rows.Times[row]).Distinct().Count());
        Assert.DoesNotContain(
            Enumerable.Range(0, first + second).Where(_rows.IsNew).Select(row => _rows.Times[row].Microseconds),
            time => stays.Any(row => row.Item1 == time));
    }

    [Fact]
    public void A_message_may_hold_two_contents_in_turn()
    {
        Resolve([(Stamp, "a", 1), (Stamp, "a", 2), (Stamp, "a", 1), (Stamp, "a", 2), (Stamp, "a", 1)],
            stored: [(Stamp, "a", 1), (Stamp + 1, "a", 1)]);

        Assert.Equal(
            [RowOutcome.Duplicate, RowOutcome.Collision, RowOutcome.Duplicate, RowOutcome.Collision, RowOutcome.Collision],
            _rows.Outcomes.ToArray());
    }

    [Fact]
    public void A_different_reading_takes_the_first_free_microsecond()
    {
        Resolve(Messages([(Stamp, "a", 1), (Stamp, "a", 2), (Stamp, "a", 3), (Stamp, "a", 2)]));

        Assert.Equal([RowOutcome.Stored, RowOutcome.Collision, RowOutcome.Collision, RowOutcome.Duplicate], _rows.Outcomes.ToArray());
        Assert.Equal([Stamp, Stamp + 1, Stamp + 2], _rows.Times[..3].ToArray().Select(time => time.Microseconds));
    }

    [Fact]
    public void NaN_equals_NaN_and_null_equals_null_and_neither_equals_the_other()
    {
        Resolve(Messages([(Stamp, "a", double.NaN), (Stamp, "a", double.NaN), (Stamp, "a", null), (Stamp, "a", null)]));

        Assert.Equal([RowOutcome.Stored, RowOutcome.Duplicate, RowOutcome.Collision, RowOutcome.Duplicate], _rows.Outcomes.ToArray());
    }

    [Fact]
    public void Every_stored_microsecond_of_the_stamp_is_compared_and_none_is_taken_twice()
    {
        Resolve([(Stamp, "a", 7), (Stamp, "a", 8), (Stamp, "a", 9)], stored: [(Stamp, "a", 1), (Stamp + 1, "a", 8), (Stamp + 3, "a", 9)]);

        Assert.Equal([RowOutcome.Collision, RowOutcome.Duplicate, RowOutcome.Duplicate], _rows.Outcomes.ToArray());
        Assert.Equal(Stamp + 2, _rows.Times[0].Microseconds);
    }

    [Fact]
    public void A_stored_row_of_the_next_millisecond_or_of_another_device_is_no_twin()
    {
        Resolve([(Stamp, "a", 1)], stored: [(Stamp + 1_000, "a", 1), (Stamp, "b", 1), (Stamp - 1, "a", 1)]);

        Assert.Equal([RowOutcome.Stored], _rows.Outcomes.ToArray());
        Assert.Equal(0, _twins.KnownKeys);
    }

    [Fact]
    public void A_thousand_different_readings_fit_in_a_millisecond_and_the_next_is_dead_lettered()
    {
        Resolve([.. Enumerable.Range(0, 1_002).Select(value => (Stamp, "a", (double?)value))]);

        Assert.Equal(1_000, _rows.New);
        Assert.Equal(Stamp + 999, _rows.Times[999].Microseconds);
        Assert.Equal([RowOutcome.TooManyCollisions, RowOutcome.TooManyCollisions], _rows.Outcomes[1_000..].ToArray());
    }

    [Fact]
    public void A_refused_reading_takes_no_place_and_its_equals_are_refused_with_it()
    {
        var batch = Batch([(Stamp, "a", 1), (Stamp, "a", 1), (Stamp, "a", 2)]);
        _refusals.Add(new RefusedRow(batch, 0, "a", default, new PostgresFailure(FailureKind.Poison, "23514", ""), null, "refused"));
        Resolve(batch);

        Assert.Equal([RowOutcome.Refused, RowOutcome.Refused, RowOutcome.Stored], _rows.Outcomes.ToArray());
        Assert.Equal(Stamp, _rows.Times[2].Microseconds);
    }

    [Fact]
    public void Readings_that_contradict_what_is_stored_are_counted_by_batch()
    {
        var first = Batch([(Stamp, "a", 1), (Stamp, "b", 1)]);
        var second = Batch([(Stamp, "a", 5), (Stamp, "c", 1)]);
        Resolve(stored: [(Stamp, "a", 1), (Stamp, "b", 3)], batches: [first, second]);

        Assert.Equal((3, 2), (_twins.KnownKeys, _twins.Differing));
        Assert.Equal([(2, 1), (1, 1)], _twins.ByBatch);
    }

    private void Resolve((long Stamp, string Device, double? Value)[] rows, (long Time, string Device, double? Value)[]? stored = null) =>
        Resolve(stored ?? [], [Batch(rows)]);

    private void Resolve(params DecodedBatch[] batches) => Resolve([], batches);

    private void Resolve((long Time, string Device, double? Value)[] stored, DecodedBatch[] batches)
    {
        _rows.Load(batches);
        _twins.Load(_rows);
        var columns = Batch(stored).Readings;
        for (var row = 0; row < stored.Length; row++)
        {
            var key = _twins.KeyIndexOf(new Instant(stored[row].Time).FloorToMillisecond(), stored[row].Device);
            if (key >= 0)
            {
                _twins.AddStored(key, new Instant(stored[row].Time), columns, row);
            }
        }

        _twins.Resolve(_refusals);
    }

    // A message's readings.
    private static DecodedBatch Message(IEnumerable<(long Time, string Device, double? Value)> rows) => Batch([.. rows]);

    // A batch of as many messages.
    private static DecodedBatch Messages((long Time, string Device, double? Value)[] rows) => Batch(rows, ofOneMessage: false);

    private static DecodedBatch Batch((long Time, string Device, double? Value)[] rows, bool ofOneMessage = true)
    {
        var columns = new ReadingColumns(Columns);
        foreach (var (time, device, value) in rows)
        {
            columns.BeginRow();
            if (value is { } number)
            {
                ((ValueColumn<double>)columns.Columns[0]).SetLast(number);
            }

            columns.EndRow(new Instant(time), device, ofOneMessage ? 0 : columns.Count, -1);
        }

        return new DecodedBatch(
            [.. rows.Select(_ => new RawEvent { Hub = "h", Partition = "0", Body = default })], columns, [], 0);
    }
}
