using Ingest.Cli.Terminal;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Without_latencies_there_is_no_percentile() => Assert.Null(new LatencyHistogram().Percentile(0.5));

    [Theory]
    [InlineData(0.50, 500)]
    [InlineData(0.99, 990)]
    [InlineData(1.00, 1000)]
    public void A_percentile_is_exact_to_five_percent(double fraction, double expected)
    {
        var histogram = new LatencyHistogram();
        for (var milliseconds = 1; milliseconds <= 1000; milliseconds++)
        {
            histogram.Add(TimeSpan.FromMilliseconds(milliseconds));
        }

        Assert.InRange(histogram.Percentile(fraction)!.Value, expected, expected * 1.05);
    }

    [Fact]
    public void A_latency_from_clocks_that_disagree_counts_as_the_smallest()
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromMilliseconds(-5));

        Assert.Equal(0.1, histogram.Percentile(0.5));
    }

    [Fact]
    public void A_latency_beyond_the_last_bucket_is_not_lost()
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromDays(7));

        Assert.True(histogram.Percentile(0.5) > 60_000);
    }
}
