using Microsoft.Extensions.Hosting;

namespace Ingest.Worker.Hosting;

/// <summary>The host ends when the first signal has asked for it; the second stage of <see cref="ShutdownSignals"/> is the worker's.</summary>
internal sealed class SignalLifetime(ShutdownSignals signals, IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private CancellationTokenRegistration _registration;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registration = signals.Stop.Register(application.StopApplication);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _registration.Dispose();
}
