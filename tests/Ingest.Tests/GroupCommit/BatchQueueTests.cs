using Ingest.Checkpoints;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.GroupCommit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.GroupCommit;

public sealed class BatchQueueTests
{
    private static readonly PartitionKey Partition = new("hub", "group", "0");

    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void Waiting_batches_merge_up_to_the_bound_of_rows()
    {
        var queue = Queue(maxRows: 10);
        var batches = Enumerable.Range(0, 4).Select(_ => Ready(queue, 4)).ToArray();

        Assert.Equal(batches[..2], queue.Take().Batches);
        Assert.Equal(batches[2..], queue.Take().Batches);
        Assert.Empty(queue.Take().Batches);
    }

    [Fact]
    public void A_batch_larger_than_the_bound_is_a_flush_of_its_own()
    {
        var queue = Queue(maxRows: 10);
        var large = Ready(queue, 15);
        var next = Ready(queue, 1);

        Assert.Equal([large], queue.Take().Batches);
        Assert.Equal([next], queue.Take().Batches);
    }

    [Fact]
    public void Without_a_delay_one_batch_is_taken_at_once()
    {
        var queue = Queue(maxRows: 10);
        var batch = Ready(queue, 1);

        Assert.Equal([batch], queue.Take().Batches);
    }

    [Fact]
    public void With_a_delay_an_incomplete_flush_waits_for_its_oldest_batch()
    {
        var queue = Queue(maxRows: 10, delay: TimeSpan.FromMilliseconds(50));
        var batch = Ready(queue, 1);

        _clock.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal(TimeSpan.FromMilliseconds(30), queue.Take().Wait);
        _clock.Advance(TimeSpan.FromMilliseconds(30));
        Assert.Equal([batch], queue.Take().Batches);
    }

    [Fact]
    public void A_full_flush_does_not_wait()
    {
        var queue = Queue(maxRows: 10, delay: TimeSpan.FromHours(1));
        Ready(queue, 6);
        Ready(queue, 6);

        Assert.Single(queue.Take().Batches);
    }

    [Fact]
    public void A_caller_past_the_bound_is_held_and_let_in_in_order()
    {
        var queue = Queue(maxRows: 5, mostReadings: 10);
        var first = Ready(queue, 6);
        var second = Add(queue, 6);
        var third = Add(queue, 1);
        Assert.False(second.Admission.Task.IsCompleted);
        Assert.False(third.Admission.Task.IsCompleted);

        Assert.Equal([first], queue.Take().Batches);
        queue.WriterWaits();
        Assert.True(second.Admission.Task.IsCompleted);
        Assert.True(third.Admission.Task.IsCompleted);
    }

    [Fact]
    public void Nobody_is_let_in_to_decode_while_the_writer_works_itself()
    {
        var queue = Queue(maxRows: 10);
        Ready(queue, 1);

        Assert.Single(queue.Take().Batches);
        var next = Add(queue, 1);
        Assert.False(next.Admission.Task.IsCompleted);
        queue.WriterWaits();
        Assert.True(next.Admission.Task.IsCompleted);
    }

    [Fact]
    public void A_batch_that_is_not_decoded_yet_keeps_its_place_before_later_ones()
    {
        var queue = Queue(maxRows: 10);
        var slow = Add(queue, 1);
        var quick = Ready(queue, 1);

        Assert.Empty(queue.Take().Batches);
        queue.Ready(slow, Decoded(1));
        Assert.Equal([slow, quick], queue.Take().Batches);
    }

    [Fact]
    public void A_partitions_batch_that_does_not_go_on_where_the_last_one_ended_waits_for_the_next_flush()
    {
        var queue = Queue(maxRows: 10);
        var first = Ready(queue, 1, Move(null, 10));
        var second = Ready(queue, 1, Move(10, 20));
        var third = Ready(queue, 1, Move(25, 30));

        Assert.Equal([first, second], queue.Take().Batches);
        Assert.Equal([third], queue.Take().Batches);
    }

    [Fact]
    public void A_removed_batch_makes_room_and_a_taken_one_cannot_be_removed()
    {
        var queue = Queue(maxRows: 5, mostReadings: 10);
        var first = Ready(queue, 6);
        var held = Add(queue, 6);

        Assert.True(queue.TryRemove(first));
        Assert.True(held.Admission.Task.IsCompleted);
        queue.Ready(held, Decoded(6));
        Assert.Equal([held], queue.Take().Batches);
        Assert.False(queue.TryRemove(held));
        Assert.Empty(queue.Take().Batches);
    }

    [Fact]
    public void A_cancelled_batch_that_waits_for_room_holds_nobody_up()
    {
        var queue = Queue(maxRows: 5, mostReadings: 10);
        Ready(queue, 6);
        var large = Add(queue, 6);
        var small = Add(queue, 2);

        Assert.True(queue.TryRemove(large));
        Assert.True(small.Admission.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public void What_is_left_of_a_batch_keeps_its_place_before_later_ones_and_is_let_in_when_it_is_their_turn()
    {
        var queue = Queue(maxRows: 10, mostReadings: 20);
        var batch = Add(queue, 4);
        var next = Ready(queue, 16);

        var rest = queue.Ready(batch, Part(batch, end: 3, rows: 10));
        Assert.Equal([batch], queue.Take().Batches);
        Assert.Empty(queue.Take().Batches);
        queue.WriterWaits();
        Assert.False(rest!.Admission.Task.IsCompleted);

        queue.Continue(rest);
        Assert.True(rest.Admission.Task.IsCompleted, "it has no room, and all behind it wait for it");
        Assert.Null(queue.Ready(rest, Part(rest, end: 4, rows: 10)));
        Assert.Equal([rest], queue.Take().Batches);
        Assert.Equal([next], queue.Take().Batches);
    }

    [Fact]
    public void A_decoded_batch_takes_the_room_of_its_readings_and_not_of_its_messages()
    {
        var queue = Queue(maxRows: 5, mostReadings: 100);
        Add(queue, 1);
        var large = Add(queue, 1);
        queue.Ready(large, Part(large, end: 1, rows: 99));

        var held = Add(queue, 1);
        Assert.False(held.Admission.Task.IsCompleted);
    }

    [Fact]
    public void A_decoded_batch_takes_the_room_of_what_it_holds_and_not_of_its_bodies()
    {
        var queue = Queue(maxRows: 5);
        Add(queue, 1);
        var large = Add(queue, 1);
        queue.Ready(large, Part(large, end: 1, rows: 1, bytes: 999_995));

        Assert.False(Add(queue, 1).Admission.Task.IsCompleted);
    }

    [Fact]
    public void Not_every_waiting_batch_is_decoded_at_once()
    {
        var queue = Queue(maxRows: 1_000);
        var batches = Enumerable.Range(0, 3 * Environment.ProcessorCount).Select(_ => Add(queue, 1)).ToArray();
        Assert.Equal(2 * Environment.ProcessorCount, batches.Count(batch => batch.Admission.Task.IsCompleted));

        queue.Ready(batches[0], Part(batches[0], end: 1, rows: 1));
        Assert.Equal(1 + (2 * Environment.ProcessorCount), batches.Count(batch => batch.Admission.Task.IsCompleted));
    }

    [Fact]
    public void Each_part_of_a_batch_moves_the_checkpoint_to_its_end_and_all_of_them_miss_what_the_batch_missed()
    {
        var queue = Queue(maxRows: 10);
        RawEvent[] messages = [.. new long[] { 13, 14, 17, 18, 21 }.Select(sequence => new RawEvent
        {
            Hub = "hub",
            Partition = "0",
            Offset = $"{sequence}",
            SequenceNumber = sequence,
            EnqueuedTime = DateTime.UnixEpoch,
            Body = new byte[10],
        })];
        var batch = new PendingBatch(messages, Move(10, 21) with { Missed = 6 }, _clock.GetTimestamp(), CancellationToken.None);
        queue.Add(batch);

        var rest = queue.Ready(batch, Part(messages, 0, end: 2, rows: 1))!;
        Assert.Equal(Move(10, 14) with { Missed = 2 }, batch.Checkpoint);
        queue.Continue(rest);
        var last = queue.Ready(rest, Part(messages, 2, end: 4, rows: 1))!;
        Assert.Equal(Move(14, 18) with { Missed = 2 }, rest.Checkpoint);
        Assert.Equal(Move(18, 21) with { Missed = 2 }, last.Checkpoint);
    }

    [Fact]
    public void A_batch_that_was_given_up_while_it_was_decoded_leaves_nothing_behind()
    {
        var queue = Queue(maxRows: 10);
        var batch = Add(queue, 4);

        Assert.True(queue.TryRemove(batch));
        Assert.Null(queue.Ready(batch, Part(batch, end: 1, rows: 1)));
        Assert.Empty(queue.Take().Batches);
    }

    private static DecodedBatch Part(PendingBatch batch, int end, int rows, long bytes = 0) =>
        Part([.. Enumerable.Range(0, batch.First + batch.Readings).Select(_ => new RawEvent { Hub = "hub", Partition = "0", Body = new byte[10] })], batch.First, end, rows, bytes);

    private static DecodedBatch Part(RawEvent[] messages, int first, int end, int rows, long bytes = 0)
    {
        var columns = new ReadingColumns([]);
        for (var row = 0; row < rows; row++)
        {
            columns.BeginRow();
            columns.EndRow(default, "a", first, -1);
        }

        return new DecodedBatch(messages, columns, [], 0) { First = first, End = end, Bytes = bytes };
    }

    private static Checkpoint Move(long? from, long to) => new(Partition, 1, from, new Position($"{to}", to, DateTime.UnixEpoch));

    private static DecodedBatch Decoded(int rows)
    {
        var columns = new ReadingColumns([]);
        for (var row = 0; row < rows; row++)
        {
            columns.BeginRow();
            columns.EndRow(default, "a", 0, -1);
        }

        return new DecodedBatch([], columns, [], 0);
    }

    private PendingBatch Add(BatchQueue queue, int events, Checkpoint? checkpoint = null)
    {
        RawEvent[] messages = [.. Enumerable.Range(0, events).Select(_ => new RawEvent { Hub = "hub", Partition = "0", Body = new byte[10] })];
        var batch = new PendingBatch(messages, checkpoint, _clock.GetTimestamp(), CancellationToken.None);
        queue.Add(batch);
        return batch;
    }

    private PendingBatch Ready(BatchQueue queue, int rows, Checkpoint? checkpoint = null)
    {
        var batch = Add(queue, rows, checkpoint);
        queue.Ready(batch, Decoded(rows));
        return batch;
    }

    private BatchQueue Queue(int maxRows, TimeSpan delay = default, int mostReadings = 1_000) =>
        new(new FlushPolicy(maxRows, 1_000_000, delay), mostReadings, 1_000_000, _clock);
}
