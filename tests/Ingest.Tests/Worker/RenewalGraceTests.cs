using Ingest.Worker.Ownership;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.Worker;

public sealed class RenewalGraceTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Expiry = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _clock = new();
    private readonly RenewalGrace _grace;

    public RenewalGraceTests() => _grace = new RenewalGrace(Interval, Expiry, _clock);

    [Fact]
    public void At_a_start_the_others_have_two_intervals_to_renew()
    {
        Assert.Equal(TimeSpan.Zero, _grace.Look());
        Assert.Equal(Interval, LookAfter(Interval));
        Assert.Null(LookAfter(Interval));
        Assert.Null(LookAfter(Interval));
    }

    [Fact]
    public void After_an_outage_the_others_have_the_expiry_to_renew()
    {
        Started();

        Assert.Equal(TimeSpan.Zero, LookAfter(TimeSpan.FromSeconds(100)));
        for (var look = 1; look < Expiry / Interval; look++)
        {
            Assert.Equal(look * Interval, LookAfter(Interval));
        }

        Assert.Null(LookAfter(Interval));
    }

    [Fact]
    public void One_look_that_comes_late_is_no_outage()
    {
        Started();

        Assert.Null(LookAfter(2 * Interval));
    }

    [Fact]
    public void A_second_outage_within_the_grace_begins_it_anew()
    {
        Started();
        LookAfter(TimeSpan.FromSeconds(100));
        LookAfter(Interval);

        Assert.Equal(TimeSpan.Zero, LookAfter(TimeSpan.FromSeconds(20)));
    }

    private void Started()
    {
        _grace.Look();
        LookAfter(Interval);
        LookAfter(Interval);
    }

    private TimeSpan? LookAfter(TimeSpan time)
    {
        _clock.Advance(time);
        return _grace.Look();
    }
}
