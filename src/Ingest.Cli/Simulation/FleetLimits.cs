using Ingest.Cli.Hosting;

namespace Ingest.Cli.Simulation;

/// <summary>What a simulated fleet can do.</summary>
internal static class FleetLimits
{
    // A device's stamps rise by a millisecond at least, so more messages than that would run ahead of the clock.
    private const int MostPerDeviceAndSecond = 900;

    /// <exception cref="CommandException">The devices are too few for the rate.</exception>
    public static void Check(int devices, int messagesPerSecond)
    {
        if (messagesPerSecond > (long)devices * MostPerDeviceAndSecond)
        {
            throw new CommandException(
                $"{devices} devices cannot send {messagesPerSecond} messages a second, as each has one stamp a millisecond: give "
                    + $"--devices {(messagesPerSecond / MostPerDeviceAndSecond) + 1} or more.");
        }
    }
}
