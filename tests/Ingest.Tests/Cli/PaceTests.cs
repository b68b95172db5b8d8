using Ingest.Cli.Simulation;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class PaceTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void At_a_thousand_a_second_ten_are_due_after_ten_milliseconds()
    {
        var pace = new Pace(1_000, _clock);
        _clock.Advance(TimeSpan.FromMilliseconds(10));

        Assert.Equal(10, pace.Take(most: 100));
        Assert.Equal(0, pace.Take(most: 100));
    }

    [Fact]
    public void What_was_not_taken_stays_due()
    {
        var pace = new Pace(1_000, _clock);
        _clock.Advance(TimeSpan.FromMilliseconds(100));

        Assert.Equal(60, pace.Take(most: 60));
        Assert.Equal(40, pace.Take(most: 60));
    }

    [Fact]
    public void After_a_long_stall_one_second_is_made_up_for()
    {
        var pace = new Pace(1_000, _clock);
        _clock.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal(1_000, pace.Take(most: 100_000));
        _clock.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal(5, pace.Take(most: 100_000));
    }
}
