using System.Text.Json;

namespace Ingest.Worker.Hosting;

/// <summary>What asking a worker how it stands brought.</summary>
/// <param name="Url">Where it was asked; null where no worker can be.</param>
/// <param name="Error">Why there is no report: a sentence. Null where there is one.</param>
/// <param name="Report">What it said.</param>
public sealed record WorkerAnswer(Uri? Url, string? Error, WorkerReport? Report);

/// <summary>Asks a running worker for its <see cref="WorkerReport"/>, over HTTP as the probes do.</summary>
public static class HealthClient
{
    private const int LongestAnswer = 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Asks once. A worker that does not answer is an answer too.</summary>
    public static async Task<WorkerAnswer> AskAsync(HealthSettings settings, CancellationToken cancellationToken)
    {
        if (settings.Port == 0 && settings.Url.Length == 0)
        {
            return new WorkerAnswer(null, "Health:Port is 0: a worker answers nobody. Name its address by Health:Url.", null);
        }

        var url = UrlOf(settings);
        // Not by way of a proxy, which knows another localhost.
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        using var http = new HttpClient(handler) { Timeout = Patience, MaxResponseContentBufferSize = LongestAnswer };
        try
        {
            // 503 while it is not ready: the report says why.
            using var answer = await http.GetAsync(url, cancellationToken);
            var report = JsonSerializer.Deserialize<WorkerReport>(await answer.Content.ReadAsStringAsync(cancellationToken), WorkerReport.Json);
            return report is null || report.Partitions.Any(partition => partition is null) ? Stranger(url) : new WorkerAnswer(url, null, report);
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            return new WorkerAnswer(url, $"{url} answers with more than {LongestAnswer >> 20} MiB, which no worker does. Name the worker's address by Health:Url.", null);
        }
        catch (JsonException)
        {
            return Stranger(url);
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            var reason = exception is HttpRequestException ? exception.Message : $"no answer within {Patience.TotalSeconds} s";
            return new WorkerAnswer(url, $"not running, or not reachable at {url}: {reason} Name another address by Health:Url or Health:Port.", null);
        }
    }

    private static WorkerAnswer Stranger(Uri url) => new(url, $"{url} is answered by something else than a worker of this version. Name the worker's address by Health:Url.", null);

    private static Uri UrlOf(HealthSettings settings)
    {
        if (settings.Url.Length > 0)
        {
            return Uri.TryCreate(settings.Url, UriKind.Absolute, out var given) && given.Scheme is "http" or "https"
                // Without a user and password, which are not asked for, and are nobody's business where the address is shown.
                ? new UriBuilder(given.Scheme, given.Host, given.Port, "/readyz").Uri
                : throw new StartUpException("Health:Url is no address, which would be http://host:port.");
        }

        var address = settings.ListenAddress();
        var host = System.Net.IPAddress.Any.Equals(address) || System.Net.IPAddress.IPv6Any.Equals(address) ? "localhost" : address.ToString();
        return new UriBuilder("http", host, settings.Port, "/readyz").Uri;
    }
}
