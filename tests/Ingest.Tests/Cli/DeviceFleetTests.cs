using System.Text;
using Ingest.Cli.Simulation;
using Ingest.Events;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class DeviceFleetTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero));

    [Fact]
    public void The_stamps_of_a_device_rise_strictly_even_when_the_clock_stands_still()
    {
        var fleet = new DeviceFleet(devices: 3, faults: false, _clock);
        var messages = Enumerable.Range(0, 300).Select(_ => fleet.Next()).ToList();

        Assert.Equal(300, messages.Select(message => (message.Device, message.Stamp)).Distinct().Count());
    }

    [Fact]
    public void Every_hundred_messages_hold_one_of_each_fault()
    {
        var fleet = new DeviceFleet(devices: 7, faults: true, _clock);
        var messages = Enumerable.Range(0, 1_000).Select(_ => fleet.Next()).ToList();

        foreach (var fault in Enum.GetValues<Fault>())
        {
            Assert.Equal(10, messages.Count(message => message.Fault == fault));
        }
    }

    [Fact]
    public void A_retransmission_repeats_the_message_before_it()
    {
        var (before, fault) = PairOf(Fault.Retransmitted);

        Assert.Equal((before.Device, before.Stamp), (fault.Device, fault.Stamp));
        Assert.Equal(before.Body, fault.Body);
    }

    [Fact]
    public void A_second_message_in_the_same_millisecond_differs_from_the_first()
    {
        var (before, fault) = PairOf(Fault.SameMillisecond);

        Assert.Equal((before.Device, before.Stamp), (fault.Device, fault.Stamp));
        Assert.NotEqual(Encoding.UTF8.GetString(before.Body), Encoding.UTF8.GetString(fault.Body));
    }

    [Fact]
    public void What_each_fault_must_end_in_balances()
    {
        foreach (var fault in Enum.GetValues<Fault>().Cast<Fault?>().Append(null))
        {
            Assert.True(FaultPlan.Expected(fault).Balance, $"{fault}");
        }
    }

    [Fact]
    public void The_ledger_adds_up_what_was_sent()
    {
        var fleet = new DeviceFleet(devices: 7, faults: true, _clock);
        var ledger = new SentLedger();
        ledger.Add([.. Enumerable.Range(0, 100).Select(_ => fleet.Next())]);

        // 91 plain messages, 5 rejected whole, an array of 4, one more row in the same millisecond, one duplicate, one ignored.
        Assert.Equal(100, ledger.Messages);
        Assert.Equal(new ReadingCounts(Received: 103, Stored: 95, Duplicate: 1, DeadLettered: 6, Ignored: 1, Collisions: 3),
            ledger.Expected);
        Assert.Equal(95, ledger.RowsByDevice().Values.Sum());
    }

    private (SimulatedMessage Before, SimulatedMessage Fault) PairOf(Fault fault)
    {
        var fleet = new DeviceFleet(devices: 7, faults: true, _clock);
        var before = fleet.Next();
        while (fleet.Next() is var message)
        {
            if (message.Fault == fault)
            {
                return (before, message);
            }

            before = message;
        }

        throw new InvalidOperationException("unreachable");
    }
}
