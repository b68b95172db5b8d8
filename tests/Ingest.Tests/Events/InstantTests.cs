using Ingest.Events;
using Xunit;

namespace Ingest.Tests.Events;

public sealed class InstantTests
{
    public static TheoryData<DateTime> Times =>
        [DateTime.MinValue, DateTime.UnixEpoch, DateTime.UnixEpoch.AddTicks(-1), new DateTime(2026, 3, 4, 5, 6, 7, 891, 999), DateTime.MaxValue];

    [Theory]
    [InlineData(1_999, 1_000)]
    [InlineData(0, 0)]
    [InlineData(-1, -1_000)]
    [InlineData(-1_000, -1_000)]
    public void An_instant_is_floored_to_its_millisecond_also_before_1970(long microseconds, long floor)
    {
        var instant = new Instant(microseconds);

        Assert.Equal(floor, instant.FloorToMillisecond().Microseconds);
        Assert.Equal(microseconds - floor, instant.MicrosecondOfMillisecond);
    }

    [Theory, MemberData(nameof(Times))]
    public void A_time_comes_back_in_UTC_without_what_is_finer_than_a_microsecond(DateTime time)
    {
        var again = Instant.Of(time).ToDateTime();

        Assert.Equal(DateTimeKind.Utc, again.Kind);
        Assert.InRange(time.Ticks - again.Ticks, 0, TimeSpan.TicksPerMicrosecond - 1);
        Assert.Equal(Instant.Of(time), Instant.Of(again));
    }

    [Fact]
    public void Instants_are_ordered_by_time()
    {
        var (early, late) = (new Instant(-1), new Instant(1));

        Assert.True(early < late && late > early && early <= late && late >= early && early.CompareTo(late) < 0);
        Assert.Equal(late, early.AddMicroseconds(2));
    }
}
