using CsCheck;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class CreditWindowTests
{
    [Fact]
    public void Credit_is_given_back_only_for_what_is_completed()
    {
        var window = new CreditWindow(maxEvents: 100, maxBytes: 1_000_000_000);
        Assert.Equal(100, window.Grant());

        for (var i = 0; i < 100; i++)
        {
            window.Received(200);
        }

        Assert.Equal(0, window.Grant());
        window.Completed(30);
        Assert.Equal(30, window.Grant());
    }

    [Fact]
    public void Small_change_waits_while_the_hub_still_has_credit()
    {
        var window = new CreditWindow(maxEvents: 80, maxBytes: 1_000_000_000);
        window.Grant();
        window.Received(100);
        window.Completed(1);

        Assert.Equal(0, window.Grant());
    }

    [Fact]
    public void Large_messages_get_less_credit()
    {
        var window = new CreditWindow(maxEvents: 2_000, maxBytes: 4 * 1024 * 1024);
        for (var i = 0; i < 200; i++)
        {
            window.Grant();
            window.Received(256 * 1024);
            window.Completed(1);
        }

        Assert.Equal(16, window.Limit);
    }

    [Fact]
    public void A_message_larger_than_the_bound_still_comes_through()
    {
        var window = new CreditWindow(maxEvents: 10, maxBytes: 65_536);
        window.Grant();
        while (window.Requested > 0)
        {
            window.Received(250_000);
        }

        window.Completed(window.Held);

        Assert.Equal(1, window.Grant());
    }

    [Fact]
    public void Asked_for_and_held_never_exceed_the_bound() => Gen.Int[0, 400_000].Array[1, 200].Sample(sizes =>
    {
        var window = new CreditWindow(maxEvents: 50, maxBytes: 1_000_000);
        foreach (var size in sizes)
        {
            window.Grant();
            Assert.InRange(window.Requested + window.Held, 1, 50);
            if (window.Requested > 0)
            {
                window.Received(size);
            }
            else
            {
                window.Completed(window.Held);
            }
        }
    });
}
