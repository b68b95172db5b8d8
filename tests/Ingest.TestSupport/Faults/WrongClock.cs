using System.Globalization;

namespace Ingest.TestSupport.Faults;

/// <summary>
/// A process whose clock is off, by libfaketime. Its timers run as ever: a clock that was set wrong does not change how fast time passes.
/// </summary>
public static class WrongClock
{
    private const string Library = "libfaketime.so.1";

    /// <summary>
    /// Where the library is, or null. Debian and Ubuntu put it in the folder of the machine's architecture, past the loader's path.
    /// </summary>
    private static string? Path =>
        !Directory.Exists("/usr/lib")
            ? null
            : Directory.EnumerateDirectories("/usr/lib").Prepend("/usr/lib")
                .Select(folder => System.IO.Path.Combine(folder, "faketime", Library))
                .FirstOrDefault(File.Exists);

    /// <summary>The environment of a process whose clock is off by so many days.</summary>
    /// <exception cref="FaultException">The library is not installed.</exception>
    public static IReadOnlyDictionary<string, string> OffByDays(int days) => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = Path ?? throw new FaultException(
            $"{Library} is not installed, so no worker's clock can be set wrong. Install it: apt-get install faketime."),
        ["FAKETIME"] = days.ToString("+0;-0", CultureInfo.InvariantCulture) + "d",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
    };
}
