namespace Ingest.Cli.Simulation;

/// <summary>Sends messages to one partition, in order, and returns when the hub has acknowledged them.</summary>
/// <returns>How many of them had to be sent more than once.</returns>
internal delegate Task<int> SendMessages(string partition, IReadOnlyList<SimulatedMessage> messages, CancellationToken cancellationToken);

/// <summary>
/// Lets a fleet send at a steady rate until it is told to stop or has sent enough. As in IoT Hub, a device keeps to its partition.
/// </summary>
internal sealed class FleetRunner(
    DeviceFleet fleet,
    SentLedger ledger,
    IReadOnlyList<string> partitions,
    SendMessages send,
    TimeProvider clock)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    // A message is in the ledger only when the hub has it, so a round must end before the next one begins.
    private const int MostPerRound = 5_000;

    /// <param name="messagesPerSecond">In all.</param>
    /// <param name="most">Stop after this many messages; null for no end.</param>
    /// <param name="stop">Make no further messages. Those being sent are finished.</param>
    /// <param name="abandon">Give up sending.</param>
    public async Task RunAsync(double messagesPerSecond, long? most, CancellationToken stop, CancellationToken abandon)
    {
        var pace = new Pace(messagesPerSecond, clock);
        using var timer = new PeriodicTimer(Tick, clock);
        while (!stop.IsCancellationRequested && (most is null || fleet.Made < most))
        {
            var left = Math.Min(MostPerRound, (most ?? long.MaxValue) - fleet.Made);
            var due = pace.Take((int)left);
            if (due == 0)
            {
                await timer.WaitForNextTickAsync(abandon);
                continue;
            }

            await SendRoundAsync(due, abandon);
        }
    }

    private async Task SendRoundAsync(int count, CancellationToken abandon)
    {
        var messages = new SimulatedMessage[count];
        for (var i = 0; i < count; i++)
        {
            messages[i] = fleet.Next();
        }

        await Task.WhenAll(messages.GroupBy(message => partitions[message.Number % partitions.Count]).Select(async group =>
        {
            var ofPartition = group.ToList();
            ledger.Add(ofPartition, await send(group.Key, ofPartition, abandon));
        }));
    }
}
