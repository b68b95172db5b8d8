using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Ingest.Benchmarks;

/// <summary>The real <c>ingest</c> command as a process of its own. It does not outlive the benchmark.</summary>
internal sealed class IngestProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    private IngestProcess(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>When it was about to be started.</summary>
    public DateTimeOffset StartedAt { get; private init; }

    public bool HasExited => _process.HasExited;

    public static IngestProcess Start(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Ingest.Cli.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // No appsettings.json of somebody else.
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (name, value) in environment)
        {
            info.Environment[name] = value;
        }

        var now = TimeProvider.System.GetUtcNow();
        return new IngestProcess(Process.Start(info)!) { StartedAt = now };
    }

    /// <summary>Physical memory in use now, in bytes.</summary>
    public long ResidentBytes()
    {
        _process.Refresh();
        return _process.WorkingSet64;
    }

    /// <summary>SIGTERM, as an orchestrator sends it.</summary>
    public async Task TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits for its end and returns the JSON object that it printed last.</summary>
    /// <exception cref="InvalidOperationException">Its exit code is not 0.</exception>
    public async Task<JsonElement> EndAsync()
    {
        await _process.WaitForExitAsync();
        var output = await _output;
        return _process.ExitCode == 0
            ? JsonElement.Parse(output.TrimEnd().Split('\n')[^1])
            : throw new InvalidOperationException($"ingest ended with exit code {_process.ExitCode}:{Environment.NewLine}{output}{await _errors}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
