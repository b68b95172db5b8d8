using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Hosting;

/// <summary>
/// Answers probes. <c>/healthz</c>: the process lives; restarting it mends nothing that an outage broke. <c>/readyz</c>: 200 while hub and
/// database are being used, else 503; either way the body says how every part stands.
/// </summary>
internal sealed class WorkerHealth : IAsyncDisposable
{
    private readonly WebApplication _server;

    private WorkerHealth(WebApplication server) => _server = server;

    public static async Task<WorkerHealth?> StartAsync(
        HealthSettings settings,
        Func<WorkerReport> report,
        ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        if (settings.Port == 0)
        {
            return null;
        }

        var address = settings.ListenAddress();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(address, settings.Port));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var server = builder.Build();
        server.MapGet("/healthz", () => Results.Text("alive"));
        server.MapGet("/readyz", () => Ready(report()));
        try
        {
            await server.StartAsync(cancellationToken);
        }
        catch (IOException exception)
        {
            await server.DisposeAsync();
            throw new CommandException($"Health:Port {settings.Port} cannot be used: {exception.Message} Name another, or 0 for none.", exception);
        }

        return new WorkerHealth(server);
    }

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    private static IResult Ready(WorkerReport report) =>
        Results.Json(report, WorkerReport.Json, statusCode: report.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);

    /// <summary>Signals are the command's business.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
