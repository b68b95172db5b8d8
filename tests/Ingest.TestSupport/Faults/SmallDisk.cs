using System.Diagnostics;
using System.Globalization;

namespace Ingest.TestSupport.Faults;

/// <summary>A small disk in memory (tmpfs) that can be filled up and freed.</summary>
public sealed class SmallDisk : IAsyncDisposable
{
    private readonly string _filler;

    private SmallDisk(string folder)
    {
        Folder = folder;
        _filler = Path.Combine(folder, "filler");
    }

    /// <summary>Where it is mounted.</summary>
    public string Folder { get; }

    /// <summary>What is missing for one, or null.</summary>
    public static string? Missing =>
        OperatingSystem.IsLinux()
            && Environment.IsPrivilegedProcess ? null : "A disk can be filled only on Linux and as root: a small tmpfs is mounted for it.";

    /// <exception cref="FaultException">It cannot be mounted; the message says why.</exception>
    public static async Task<SmallDisk> MountAsync(int megabytes, CancellationToken cancellationToken)
    {
        if (Missing is { } missing)
        {
            throw new FaultException(missing);
        }

        var folder = Directory.CreateTempSubdirectory("ingest-disk-").FullName;
        await RunAsync(
            "mount",
            ["-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m,mode=1777"), "tmpfs", folder],
            cancellationToken);
        return new SmallDisk(folder);
    }

    /// <summary>Takes all space that is left.</summary>
    public async Task FillAsync(CancellationToken cancellationToken)
    {
        await using var filler = new FileStream(_filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[4096];
        try
        {
            while (true)
            {
                await filler.WriteAsync(block, cancellationToken);
            }
        }
        catch (IOException)
        {
            // No space is left: that is what was wanted.
        }
    }

    public void Free() => File.Delete(_filler);

    public async ValueTask DisposeAsync()
    {
        await RunAsync("umount", [Folder], CancellationToken.None);
        Directory.Delete(Folder);
    }

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
        {
            throw new FaultException($"{program} failed: {errors}");
        }
    }
}
