using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Ingest.TestSupport.Processes;

namespace Ingest.TestSupport.Faults;

/// <summary><c>ingest run</c> in a process of its own: what it logs, and what its probes say. Killed when disposed.</summary>
public sealed class WorkerProcess : IAsyncDisposable
{
    private readonly CliProcess _process;
    private readonly HttpClient _http;

    private WorkerProcess(CliProcess process, int healthPort)
    {
        _process = process;
        HealthPort = healthPort;
        _http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{healthPort}")), Timeout = TimeSpan.FromSeconds(5) };
    }

    /// <summary>Where its probes are.</summary>
    public int HealthPort { get; }

    public bool HasEnded => _process.HasEnded;

    /// <summary>Every line it has written, to either stream.</summary>
    public IReadOnlyList<string> Lines => _process.Lines;

    /// <summary>Starts it with these settings, as environment variables.</summary>
    public static WorkerProcess Start(IReadOnlyDictionary<string, string> environment, int healthPort) => new(
        CliProcess.Start(new Dictionary<string, string>(environment) { ["Health__Port"] = healthPort.ToString(CultureInfo.InvariantCulture) }, "run"),
        healthPort);

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

    /// <summary>Whether both probes are answered, and say that it is well.</summary>
    public async Task<bool> IsProbedAsync(CancellationToken cancellationToken) =>
        await HealthAsync(cancellationToken) is { Ready: true } && await _http.GetStringAsync(new Uri("/healthz", UriKind.Relative), cancellationToken) == "alive";

    /// <summary>Physical memory in use now, in bytes.</summary>
    public long ResidentBytes() => _process.ResidentBytes();

    public async Task<int> EndAsync(CancellationToken cancellationToken) => (await _process.EndedAsync(cancellationToken)).ExitCode;

    /// <summary>SIGTERM: it stops by itself.</summary>
    public Task TerminateAsync() => _process.TerminateAsync();

    /// <summary>SIGKILL.</summary>
    public Task KillAsync() => _process.KillAsync();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _http.Dispose();
    }

    private static string Tag(int eventId) => string.Create(CultureInfo.InvariantCulture, $"[{eventId}]");
}
