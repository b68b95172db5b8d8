using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Ingest.TestSupport.Databases;

/// <summary>Another process that owns a database, to be killed.</summary>
public sealed class DatabaseOwner : IDisposable
{
    private readonly Process _process;

    private DatabaseOwner(Process process) => _process = process;

    public int ProcessId => _process.Id;

    public string ConnectionString { get; private set; } = "";

    /// <summary>The process that serves the database.</summary>
    public int ServerProcessId { get; private set; }

    public string DataFolder { get; private set; } = "";

    public static async Task<DatabaseOwner> StartAsync(IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var owner = new DatabaseOwner(Process.Start(StartInfo(arguments))!);
        owner.ConnectionString = await owner.LineAsync(cancellationToken);
        owner.ServerProcessId = int.Parse(await owner.LineAsync(cancellationToken), CultureInfo.InvariantCulture);
        owner.DataFolder = await owner.LineAsync(cancellationToken);
        return owner;
    }

    /// <summary>Runs one that fails where programs are looked for in <paramref name="path"/>, and returns what it says.</summary>
    public static async Task<string> FailureAsync(IEnumerable<string> arguments, string path, CancellationToken cancellationToken)
    {
        var info = StartInfo(arguments);
        info.FileName = Path.Combine(RuntimeRoot(), OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        info.Environment["PATH"] = path;
        using var process = Process.Start(info)!;
        process.StandardInput.Close();
        var said = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 1 ? said : throw new InvalidOperationException($"exit code {process.ExitCode}: {said}");
    }

    /// <summary>SIGKILL to the owner alone.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        _process.Kill();
        await _process.WaitForExitAsync(cancellationToken);
    }

    /// <summary>Whether the process with this id ends by itself before <paramref name="patience"/> is over.</summary>
    public static async Task<bool> EndsAsync(int processId, TimeSpan patience)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            await process.WaitForExitAsync().WaitAsync(patience, TimeProvider.System);
            return true;
        }
        catch (ArgumentException)
        {
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    // <dotnet>/shared/Microsoft.NETCore.App/<version>/
    private static string RuntimeRoot() =>
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    private static ProcessStartInfo StartInfo(IEnumerable<string> arguments) =>
        new("dotnet", [Path.Combine(AppContext.BaseDirectory, "Ingest.TestSupport.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

    private async Task<string> LineAsync(CancellationToken cancellationToken) =>
        await _process.StandardOutput.ReadLineAsync(cancellationToken)
        ?? throw new InvalidOperationException(await _process.StandardError.ReadToEndAsync(cancellationToken));
}
