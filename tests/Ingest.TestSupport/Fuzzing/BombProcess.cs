using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>Starts a process with a heap of 512 MiB at the most that runs <see cref="BombRun"/>.</summary>
public static class BombProcess
{
    /// <summary>What it must do with, in physical memory.</summary>
    public const long MostResidentBytes = 300_000_000;

    private const string HeapLimit = "0x20000000";

    public static async Task<BombResult> RunAsync(string kind, int messages, string database, CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo(
            "dotnet",
            [Path.Combine(
                AppContext.BaseDirectory,
                "Ingest.TestSupport.dll"), "bombs", kind, messages.ToString(CultureInfo.InvariantCulture), database])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
        using var process = Process.Start(info)!;
        try
        {
            var said = process.StandardError.ReadToEndAsync(cancellationToken);
            var result = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? JsonSerializer.Deserialize<BombResult>(result)! : throw new InvalidOperationException(
                $"exit code {process.ExitCode}: {result}{await said}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
