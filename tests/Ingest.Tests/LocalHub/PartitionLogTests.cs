using CsCheck;
using Ingest.LocalHub.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.LocalHub;

public sealed class PartitionLogTests
{
    // Segments are 4 KB then, so that a handful of events fill one.
    private const int MaxBytes = 16 * 1024;
    private const int EventBytes = 1000;

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.FromUnixTimeSeconds(1000));

    [Fact]
    public void Events_are_numbered_from_the_first_number_on_and_read_back_whole()
    {
        var log = Log(first: 7, maxBytes: null);
        // Small ones that share a segment, and one that needs its own.
        var numbers = new[] { 10, 20, 2 * 1024 * 1024, 30 }.Select(log.Append).ToList();

        Assert.Equal([7L, 8, 9, 10], numbers);
        Assert.Equal(
            [10, 20, 2 * 1024 * 1024, 30],
            numbers.Select(number => ((Amqp.Framing.Data)log.Read(number).BodySection).Binary.Length));
        Assert.Equal((7, 10), (log.State.First, log.State.Last));
        Assert.False(log.State.IsEmpty);
    }

    [Fact]
    public void Before_the_first_event_it_reads_from_there_and_past_the_last_there_is_none()
    {
        var log = Log(first: 7);
        Assert.True(log.State.IsEmpty);
        log.Append(10);
        var early = 0L;
        var late = 8L;

        Assert.True(log.TryRead(ref early, out _));
        Assert.False(log.TryRead(ref late, out _));
        Assert.Equal((7, 8), (early, late));
    }

    [Fact]
    public void Stamps_never_go_back_when_the_clock_does()
    {
        var clock = new Reversible { Now = DateTimeOffset.FromUnixTimeSeconds(1000) };
        var log = new PartitionLog("0", 0, null, clock);
        log.Append(10);
        clock.Now -= TimeSpan.FromMinutes(1);
        log.Append(10);

        Assert.Equal(1_000_000, log.State.LastTime);
        Assert.Equal(0, log.FindTime(1_000_000, inclusive: true));
        Assert.Equal(2, log.FindTime(1_000_000, inclusive: false));
    }

    [Fact]
    public void Full_of_what_nobody_has_read_it_holds_senders_and_drops_nothing()
    {
        var log = Log();
        Fill(log);

        Assert.True(log.HoldIfFull(() => { }));
        Assert.True(log.State.HoldsSenders);
        Assert.Equal(0, log.State.First);
    }

    [Fact]
    public void A_held_sender_is_woken_once_when_a_reader_has_passed_enough()
    {
        var log = Log();
        var woken = 0;
        var claim = log.Claim("$Default", 0, () => { });
        Fill(log);
        var wake = () => { woken++; };
        Assert.True(log.HoldIfFull(wake));
        Assert.True(log.HoldIfFull(wake));

        log.Advance(claim, 1);
        Assert.Equal(0, woken);
        log.Advance(claim, log.State.Last + 1);

        Assert.Equal(1, woken);
        Assert.False(log.State.HoldsSenders);
        Assert.False(log.HoldIfFull(wake));
        Assert.True(log.State.First > 0);
    }

    [Fact]
    public void What_the_slowest_of_its_readers_needs_is_kept()
    {
        var log = Log();
        var fast = log.Claim("$Default", 0, () => { });
        var slow = log.Claim("slow", 0, () => { });
        Fill(log);

        log.Advance(fast, log.State.Last + 1);
        Assert.Equal(0, log.State.First);
        log.Release(slow);

        Assert.True(log.State.First > 0);
    }

    [Fact]
    public void What_the_last_reader_of_the_default_group_has_not_passed_waits_for_the_next_one()
    {
        var log = Log();
        var reader = log.Claim("$default", 0, () => { });
        log.Release(reader);
        Fill(log);

        Assert.Equal(0, log.State.First);
        Assert.True(log.HoldIfFull(() => { }));
    }

    [Fact]
    public void A_reader_of_another_group_leaves_nothing_to_be_kept()
    {
        var log = Log();
        var other = log.Claim("other", 0, () => { });
        var reader = log.Claim("$Default", 0, () => { });
        Fill(log);
        log.Advance(reader, log.State.Last + 1);
        Assert.Equal(0, log.State.First);

        log.Release(other);
        log.Release(other);

        Assert.True(log.State.First > 0);
    }

    [Fact]
    public void Readers_are_told_of_events_until_they_leave()
    {
        var log = Log();
        var told = 0;
        var claim = log.Claim("$Default", 0, () => told++);
        log.Append(10);
        log.Release(claim);
        log.Append(10);

        Assert.Equal(1, told);
    }

    [Fact]
    public void Retention_drops_what_is_still_needed_and_makes_room()
    {
        var log = Log();
        var woken = 0;
        log.Claim("$Default", 0, () => { });
        Fill(log);
        log.HoldIfFull(() => woken++);

        log.DropBefore(log.State.Last);

        Assert.Equal(log.State.First, log.State.Last);
        Assert.Equal(1, woken);
        Assert.InRange(log.State.Bytes, 1, MaxBytes - 1);
        log.DropBefore(long.MaxValue);
        Assert.True(log.State.IsEmpty);
        Assert.Equal(0, log.State.Bytes);
    }

    [Fact]
    public void Restarted_it_is_empty_and_numbers_from_0()
    {
        var log = Log(first: 50);
        var woken = 0;
        Fill(log);
        log.HoldIfFull(() => woken++);

        log.Restart();

        Assert.True(log.State.IsEmpty);
        Assert.Equal(1, woken);
        Assert.Equal(0, log.Append(10));
    }

    /// <summary>Whatever its readers do: nothing that one of them needs is dropped, and what is left is whole and in order.</summary>
    [Fact]
    public void It_keeps_what_its_readers_need_whatever_they_do()
    {
        var step = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 3000]);
        step.Array[1, 200].Sample(
            steps =>
            {
                var log = Log();
                var lengths = new List<int>();
                var claims = new ReaderClaim?[4];
                foreach (var (what, who, amount) in steps)
                {
                    if (what <= 2)
                    {
                        lengths.Add(amount);
                        Assert.Equal(lengths.Count - 1, log.Append(amount));
                    }
                    else if (claims[who] is not { } claim)
                    {
                        claims[who] = log.Claim(who < 2 ? "$Default" : "other", log.State.First, () => { });
                    }
                    else if (what == 5)
                    {
                        log.Release(claim);
                        claims[who] = null;
                    }
                    else
                    {
                        log.Advance(claim, Math.Min(claim.Needed + (amount % 8), lengths.Count));
                    }

                    Assert.All(claims.OfType<ReaderClaim>(), reader => Assert.True(log.State.First <= reader.Needed));
                }

                for (var number = log.State.First; number <= log.State.Last; number++)
                {
                    Assert.Equal(lengths[(int)number], ((Amqp.Framing.Data)log.Read(number).BodySection).Binary.Length);
                }
            },
            iter: 300);
    }

    private PartitionLog Log(long first = 0, long? maxBytes = MaxBytes) => new("0", first, maxBytes, _clock);

    private static void Fill(PartitionLog log)
    {
        while (log.State.Bytes < MaxBytes)
        {
            log.Append(EventBytes);
        }
    }

    private sealed class Reversible : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
