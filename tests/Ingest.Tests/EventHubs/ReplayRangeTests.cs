using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class ReplayRangeTests
{
    private static readonly DateTime From = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void The_range_holds_its_beginning_and_not_its_end()
    {
        var range = new ReplayRange(From, From.AddHours(1));

        Assert.True(range.Contains(From));
        Assert.False(range.Contains(From.AddMilliseconds(-1)));
        Assert.True(range.Contains(From.AddHours(1).AddMilliseconds(-1)));
        Assert.False(range.Contains(From.AddHours(1)));
    }

    [Fact]
    public void Reading_begins_before_and_ends_after_as_the_hubs_stamps_differ()
    {
        var range = new ReplayRange(From, From.AddHours(1));

        Assert.True(range.ReadFrom < From);
        Assert.False(range.IsPast(From.AddHours(1).AddMinutes(1)));
        Assert.True(range.IsPast(From.AddHours(2)));
    }

    [Fact]
    public void A_range_from_the_beginning_of_time_can_be_read() =>
        Assert.Equal(DateTime.MinValue, new ReplayRange(DateTime.MinValue).ReadFrom);
}
