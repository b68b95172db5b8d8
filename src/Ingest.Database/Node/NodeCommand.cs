using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Ingest.Database.Node;

/// <summary>Node.js and npm as found on the path.</summary>
internal static class NodeCommand
{
    public const int OldestMajor = 20;

    private const string HowToInstall = "Install Node.js 20 or later, with npm (https://nodejs.org), or use a database of your own.";

    /// <summary>The scripts and the lock file, beside the assembly.</summary>
    public static string Scripts => Path.Combine(AppContext.BaseDirectory, "Node");

    public static async Task CheckNodeAsync(CancellationToken cancellationToken)
    {
        var version = await RunAsync(StartInfo("node", ["--version"]), cancellationToken);
        if (version.ExitCode != 0 || MajorOf(version.Output) is not { } major)
        {
            throw new DatabaseSetupException($"node --version answered '{version.Output.Trim()}'. {HowToInstall}");
        }

        if (major < OldestMajor)
        {
            throw new DatabaseSetupException($"Node.js {version.Output.Trim()} is too old. {HowToInstall}");
        }
    }

    public static Task<CommandResult> NpmAsync(string folder, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        // npm is a batch file on Windows, which only the shell starts.
        var info = OperatingSystem.IsWindows() ? StartInfo("cmd.exe", ["/c", "npm", .. arguments]) : StartInfo("npm", arguments);
        info.WorkingDirectory = folder;
        return RunAsync(info, cancellationToken);
    }

    public static ProcessStartInfo StartInfo(string command, IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo(command, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            CreateNoWindow = true,
        };
        RemoveSecrets(info.Environment);
        return info;
    }

    /// <summary>Takes away what is meant for this process alone: npm's packages are other people's code, and have no use for it.</summary>
    internal static void RemoveSecrets(IDictionary<string, string?> environment)
    {
        string[] ours = ["Hub__", "Hub:", "Database__", "Database:", "Archive__", "Archive:", "AZURE_", "OTEL_EXPORTER_OTLP_"];
        foreach (
            var name in environment.Keys.Where(
                name => ours.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))).ToList())
        {
            environment.Remove(name);
        }
    }

    public static Process Start(ProcessStartInfo info)
    {
        try
        {
            return Process.Start(info)!;
        }
        catch (Win32Exception e)
        {
            throw new DatabaseSetupException($"{info.FileName} was not found ({e.Message}). {HowToInstall}", e);
        }
    }

    public static async Task<CommandResult> RunAsync(ProcessStartInfo info, CancellationToken cancellationToken)
    {
        using var process = Start(info);
        try
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return new CommandResult(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    internal static int? MajorOf(string version)
    {
        var digits = version.Trim().TrimStart('v').Split('.')[0];
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var major) ? major : null;
    }
}

/// <summary>How a command ended.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Errors);
