using Ingest.Events;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class EventSequenceTests
{
    [Fact]
    public void After_a_proven_event_the_next_number_is_due_and_no_other()
    {
        var sequence = Begun(last: 9, begin: 0);

        Assert.Equal(9, sequence.Last);
        Assert.Null(sequence.Fault(Events(10, 11, 12)));
        Assert.Contains("event 11 came where 10 was due", sequence.Fault(Events(11)), StringComparison.Ordinal);
        Assert.Contains("event 12 came where 11 was due", sequence.Fault(Events(10, 12)), StringComparison.Ordinal);
        Assert.Contains("event 9 came where 10 was due", sequence.Fault(Events(9)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_retention_took_is_no_fault_and_counts_as_missing()
    {
        var sequence = Begun(last: 9, begin: 20);

        Assert.Null(sequence.Fault(Events(20)));
        Assert.Equal([(10L, 20L)], sequence.Take(Events(20)));
    }

    [Fact]
    public void Before_the_first_event_ever_read_nothing_is_missing()
    {
        var sequence = Begun(last: null, begin: 5_000);

        Assert.NotNull(sequence.Fault(Events(5_001)));
        Assert.Null(sequence.Fault(Events(5_000)));
        Assert.Empty(sequence.Take(Events(5_001)));
    }

    [Fact]
    public void Where_the_numbering_has_restarted_any_number_will_do_once()
    {
        var sequence = new EventSequence();
        sequence.Begin(99, new ReadingStart(StartAt.Earliest, NumberingRestarted: true, BeginSequenceNumber: 0));

        Assert.Equal(-1, sequence.Last);
        Assert.Null(sequence.Fault(Events(3)));
        Assert.Empty(sequence.Take(Events(3)));
        Assert.NotNull(sequence.Fault(Events(5)));
    }

    [Fact]
    public void What_was_left_out_between_events_read_one_by_one_is_missing()
    {
        var sequence = Begun(last: 0, begin: 0);

        Assert.Empty(sequence.Take(Events(1)));
        Assert.Equal([(2L, 4L), (1L, 6L)], sequence.Take(Events(4, 6)));
        Assert.Equal(6, sequence.Last);
    }

    [Fact]
    public void An_event_without_a_place_is_a_fault()
    {
        Assert.NotNull(Begun(last: 0, begin: 0).Fault([Event(1, offset: null)]));
        Assert.NotNull(Begun(last: 0, begin: 0).Fault([Event(null, "1")]));
    }

    private static EventSequence Begun(long? last, long begin)
    {
        var sequence = new EventSequence();
        sequence.Begin(last, new ReadingStart(StartAt.Earliest, NumberingRestarted: false, begin));
        return sequence;
    }

    private static RawEvent[] Events(params long[] numbers) => Array.ConvertAll(numbers, number => Event(number, $"{number}"));

    private static RawEvent Event(long? number, string? offset) => new() { Hub = "h", Partition = "0", Body = default, SequenceNumber = number, Offset = offset };
}
