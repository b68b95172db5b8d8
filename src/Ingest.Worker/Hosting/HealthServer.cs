using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Worker.Hosting;

/// <summary>
/// Answers probes. <c>/healthz</c>: the process lives; restarting it mends nothing that an outage broke. <c>/readyz</c>: 200 while hub and
/// database are being used, else 503; either way the body says how every part stands.
/// </summary>
public sealed class HealthServer(WorkerSettings settings, WorkerService service, HubWorker worker, PipelineComposition parts, ILoggerFactory loggers)
    : IHostedService, IAsyncDisposable
{
    private WebApplication? _server;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var health = settings.Health;
        if (health.Port == 0)
        {
            return;
        }

        var address = health.ListenAddress();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(address, health.Port));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        _server = builder.Build();
        _server.Use((context, next) => health.Answers(context.Request.Host.Host) ? next(context) : RefuseAsync(context));
        _server.UseRouting();
        _server.MapGet("/healthz", () => Results.Text("alive"));
        _server.MapGet("/readyz", () => Ready(Report()));
        try
        {
            await _server.StartAsync(cancellationToken);
        }
        catch (IOException exception)
        {
            throw new StartUpException($"Health:Port {health.Port} cannot be used: {exception.Message} Name another, or 0 for none.", exception);
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_server is not null)
        {
            await _server.StopAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
        return context.Response.WriteAsync("This host name is not answered. List it in Health:Hosts, or ask by IP address.");
    }

    private WorkerReport Report()
    {
        var hub = settings.Pipeline.Hub;
        return WorkerReport.Of(worker.Hub, hub.ConsumerGroup, service.WaitsFor, worker, parts.Pipeline.Health);
    }

    private static IResult Ready(WorkerReport report) =>
        Results.Json(report, WorkerReport.Json, statusCode: report.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);

    /// <summary>Signals are the command's business.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
