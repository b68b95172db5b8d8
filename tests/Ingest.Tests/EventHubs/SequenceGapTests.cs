using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class SequenceGapTests
{
    [Theory]
    [InlineData(4L, 5L, 0L)]
    [InlineData(4L, 6L, 1L)]
    [InlineData(4L, 1_000_005L, 1_000_000L)]
    [InlineData(-1L, 0L, 0L)]
    [InlineData(7L, 3L, 0L)]
    public void What_lies_between_two_numbers_is_missing(long last, long next, long missing) =>
        Assert.Equal(missing, SequenceGap.Between(last, next));

    [Fact]
    public void Nothing_is_missing_before_the_first_event_ever_read() => Assert.Equal(0, SequenceGap.Between(null, 5_000));
}
