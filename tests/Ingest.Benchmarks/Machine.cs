using System.Runtime.InteropServices;

namespace Ingest.Benchmarks;

/// <summary>What a benchmark ran on: printed with every figure.</summary>
internal static class Machine
{
#if DEBUG
    private const string Build = "Debug build, not representative";
#else
    private const string Build = "Release build";
#endif

    public static string Shape { get; } =
        $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {Environment.ProcessorCount} cores, "
            + $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, {Build}";

    /// <summary>
    /// How many processes wanted a core in the last minute, or null where the system does not say: above the number of cores, figures are
    /// too low.
    /// </summary>
    public static string? LoadAverage() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : null;
}
