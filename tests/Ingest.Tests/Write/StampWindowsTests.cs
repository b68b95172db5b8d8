using CsCheck;
using Ingest.Events;
using Ingest.Write;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class StampWindowsTests
{
    [Fact]
    public void No_stamp_needs_no_window() => Assert.Empty(StampWindows.Cover([]));

    [Fact]
    public void Stamps_close_together_are_one_window_up_to_the_end_of_the_last_millisecond() =>
        Assert.Equal([Window(1_000, 201_000)], Cover(200_000, 1_000, 50_000));

    [Fact]
    public void One_old_reading_does_not_make_the_flush_read_the_week()
    {
        const long Week = 7L * 24 * 3_600 * 1_000_000;

        Assert.Equal([Window(0, 1_000), Window(Week, Week + 6_000)], Cover(Week, Week + 5_000, 0));
    }

    [Fact]
    public void Every_stamp_lies_in_a_window_and_windows_are_few_and_apart() =>
        Gen.Long[0, 10_000_000].Array[1, 300].Sample(milliseconds =>
        {
            long[] stamps = [.. milliseconds.Select(value => value * 1_000)];
            var windows = Cover(stamps);

            Assert.InRange(windows.Count, 1, StampWindows.Most);
            Assert.All(stamps, stamp => Assert.Single(windows, window => window.Start.Microseconds <= stamp && stamp + 1_000 <= window.End.Microseconds));
            Assert.All(windows.Zip(windows.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Start));
        });

    private static StampWindow Window(long start, long end) => new(new Instant(start), new Instant(end));

    private static IReadOnlyList<StampWindow> Cover(params long[] stamps) => StampWindows.Cover(stamps.Select(stamp => new Instant(stamp)).ToArray());
}
