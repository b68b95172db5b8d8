using Ingest.TestSupport;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.TestSupport.Poison;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

/// <summary>How often a worker begins anew to get past what its client cannot read.</summary>
public sealed class SteppingTests
{
    private readonly MemoryStore _store = new();
    private readonly MemoryOwnership _ownership = new();

    [Fact]
    public async Task Behind_a_last_event_that_does_not_say_where_it_stands_the_next_is_waited_for_quietly()
    {
        await using var hub = await TestHub.StartAsync(partitions: 1);
        await hub.SendAsync("0", 0, 3);
        await using var worker = RunningWorker.Start(hub.Client(), _store, _ownership);
        await worker.StoredAsync(_store, 3);
        hub.Hub.AppendVerbatim("0", [0xde, 0xad]);
        await Eventually.IsTrueAsync(() => _store.Epoch("0") == 2);

        // Every look is a chance to begin anew.
        var looks = _ownership.Looks;
        await Eventually.IsTrueAsync(() => _ownership.Looks >= looks + 12);
        Assert.Equal(2, _store.Epoch("0"));
        Assert.True(worker.Partitions is [{ IsAttached: true, LastError: null, LagEvents: 1 }], $"{worker.Partitions[0]}");

        hub.Append("0", 4);
        hub.Append("0", 5);
        await worker.StoredAsync(_store, 6);
        await worker.StopAsync();
        Assert.Equal([0, 1, 2, 3, 4, 5], _store.Events("0").Select(found => found.SequenceNumber));
        Assert.Equal([null, null, null, "DEAD", null, null], _store.Events("0").Select(found => found.Undecodable is null ? null : Convert.ToHexString(found.Body.Span)));
        Assert.Equal((2, 0), (_store.Epoch("0"), _store.Missed));
    }

    [Fact]
    public async Task A_device_that_goes_on_sending_what_cannot_be_read_does_not_make_the_worker_begin_anew_for_each()
    {
        const int Odd = 8;
        const int Between = 150;
        var unreadable = AmqpPoison.Kinds.Single(kind => kind.Name == "an array of impossible length as a property").Message;
        await using var hub = await TestHub.StartAsync(partitions: 1);
        for (var number = 0; number < Odd; number++)
        {
            hub.Hub.AppendUnchecked("0", unreadable);
            for (var good = 0; good < Between; good++)
            {
                hub.Hub.Append("0", AmqpPoison.Good);
            }
        }

        await using var worker = RunningWorker.Start(hub.Client(), _store, _ownership);
        await worker.StoredAsync(_store, Odd * (1 + Between));
        await worker.StopAsync();

        Assert.Equal(Odd, _store.Events("0").Count(found => found.Undecodable is not null));
        Assert.InRange(_store.Epoch("0"), 2, 4);
    }
}
