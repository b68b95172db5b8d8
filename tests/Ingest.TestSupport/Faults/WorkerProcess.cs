using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Ingest.TestSupport.Faults;

/// <summary><c>ingest run</c> in a process of its own, and what it logs. Killed when disposed.</summary>
public sealed class WorkerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly HttpClient _http;

    private WorkerProcess(Process process, int healthPort)
    {
        _process = process;
        _http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{healthPort}")), Timeout = TimeSpan.FromSeconds(5) };
    }

    public bool HasEnded => _process.HasExited;

    /// <summary>Every line it has written, to either stream.</summary>
    public IReadOnlyList<string> Lines => [.. _lines];

    /// <summary>Starts it with these settings, as environment variables, from the command's binaries beside the caller's own.</summary>
    public static WorkerProcess Start(IReadOnlyDictionary<string, string> environment, int healthPort)
    {
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Ingest.Cli.dll"), "run"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory.CreateTempSubdirectory("ingest-worker-").FullName,
        };
        foreach (var (name, value) in environment)
        {
            info.Environment[name] = value;
        }

        info.Environment["Health__Port"] = healthPort.ToString(CultureInfo.InvariantCulture);
        var worker = new WorkerProcess(new Process { StartInfo = info }, healthPort);
        worker._process.OutputDataReceived += (_, line) => worker.Take(line.Data);
        worker._process.ErrorDataReceived += (_, line) => worker.Take(line.Data);
        worker._process.Start();
        worker._process.BeginOutputReadLine();
        worker._process.BeginErrorReadLine();
        return worker;
    }

    /// <summary>How many lines it has logged with this event id.</summary>
    public int Logged(int eventId) => Lines.Count(line => line.Contains(Tag(eventId), StringComparison.Ordinal));

    /// <summary>Lines at warning or above, besides those with these event ids.</summary>
    public IReadOnlyList<string> Complaints(IEnumerable<int> besides) =>
        [.. Lines.Where(line => (line.Contains(" warn: ", StringComparison.Ordinal) || line.Contains(" fail: ", StringComparison.Ordinal) || line.Contains(" crit: ", StringComparison.Ordinal))
            && !besides.Any(id => line.Contains(Tag(id), StringComparison.Ordinal)))];

    /// <summary>What <c>/readyz</c> says, and whether it is ready; null while nobody answers.</summary>
    public async Task<(bool Ready, JsonElement Body)?> HealthAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri("/readyz", UriKind.Relative), cancellationToken);
            return (answer.IsSuccessStatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken));
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public async Task<int> EndAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>SIGTERM: it stops by itself.</summary>
    public async Task TerminateAsync(CancellationToken cancellationToken)
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(cancellationToken);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        Directory.Delete(_process.StartInfo.WorkingDirectory, recursive: true);
        _http.Dispose();
        _process.Dispose();
    }

    private static string Tag(int eventId) => string.Create(CultureInfo.InvariantCulture, $"[{eventId}]");

    private void Take(string? line)
    {
        if (line is not null)
        {
            _lines.Enqueue(line);
        }
    }
}
