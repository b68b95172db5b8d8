using System.Diagnostics;
using System.Globalization;

namespace Ingest.Database.Embedded;

/// <summary>
/// Holds a data folder for this process. The embedded database does not lock its files itself, and two processes on them destroy them.
/// </summary>
internal sealed class DataFolderLock : IDisposable
{
    private static readonly TimeSpan PatienceWithDying = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan SameStart = TimeSpan.FromSeconds(5);

    private readonly FileStream _lock;
    private readonly string _ownerFile;

    private DataFolderLock(FileStream locked, string ownerFile)
    {
        _lock = locked;
        _ownerFile = ownerFile;
    }

    /// <exception cref="DatabaseSetupException">Another process has it, or somebody else may change it.</exception>
    public static async Task<DataFolderLock> TakeAsync(string dataFolder, CancellationToken cancellationToken)
    {
        TrustedFiles.MakePrivateFolder(dataFolder);
        var lockFile = Path.Combine(dataFolder, "lock");
        // Apart from the lock: on Windows a locked file cannot be read by others.
        var ownerFile = Path.Combine(dataFolder, "owner");
        FileStream locked;
        try
        {
            locked = TrustedFiles.OpenLock(lockFile);
        }
        catch (IOException e) when (File.Exists(lockFile))
        {
            throw InUse(dataFolder, ReadOwner(ownerFile)?.Parent, e);
        }

        try
        {
            await WaitForDyingServerAsync(dataFolder, ownerFile, cancellationToken);
        }
        catch
        {
            await locked.DisposeAsync();
            throw;
        }

        return new DataFolderLock(locked, ownerFile);
    }

    /// <summary>Notes the process that serves the folder, which may outlive this one by a moment.</summary>
    public void SetServer(int id, DateTime startTime) => TrustedFiles.WritePrivate(
        _ownerFile,
        string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} {id} {startTime.ToUniversalTime():O}"));

    public void Dispose()
    {
        // A temporary folder is gone by now.
        if (File.Exists(_ownerFile))
        {
            File.Delete(_ownerFile);
        }

        _lock.Dispose();
    }

    private static async Task WaitForDyingServerAsync(string dataFolder, string ownerFile, CancellationToken cancellationToken)
    {
        if (ReadOwner(ownerFile) is not { } owner)
        {
            return;
        }

        try
        {
            using var server = Process.GetProcessById(owner.Server);
            if ((server.StartTime.ToUniversalTime() - owner.ServerStart).Duration() < SameStart)
            {
                await server.WaitForExitAsync(cancellationToken).WaitAsync(PatienceWithDying, TimeProvider.System, cancellationToken);
            }
        }
        catch (ArgumentException)
        {
            // It has ended.
        }
        catch (InvalidOperationException)
        {
            // It has just ended.
        }
        catch (TimeoutException e)
        {
            throw InUse(dataFolder, owner.Server, e);
        }
    }

    private static DatabaseSetupException InUse(string dataFolder, int? process, Exception cause) => new(
        $"The embedded database in {dataFolder} is in use by {(process is { } id ? $"process {id}" : "another process")}, and takes one "
            + "process at a time. "
        + "Stop that one, choose another data folder, or use --database \"<connection string>\".",
        cause);

    private static Owner? ReadOwner(string file)
    {
        try
        {
            var words = File.ReadAllText(file).Split(' ');
            return words.Length == 3
                && int.TryParse(words[0], CultureInfo.InvariantCulture, out var parent)
                && int.TryParse(words[1], CultureInfo.InvariantCulture, out var server)
                && DateTime.TryParse(words[2], CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var start)
                    ? new Owner(parent, server, start)
                    : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private sealed record Owner(int Parent, int Server, DateTime ServerStart);
}
