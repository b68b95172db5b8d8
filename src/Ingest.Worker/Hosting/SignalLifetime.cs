using Microsoft.Extensions.Hosting;

namespace Ingest.Worker.Hosting;

/// <summary>
/// The host ends when the first signal has asked for it; the second stage of <see cref="ShutdownSignals"/> is the worker's.
/// </summary>
internal sealed class SignalLifetime(ShutdownSignals signals, IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private CancellationTokenRegistration _started;
    private CancellationTokenRegistration _stop;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        // A host that is told to stop while it starts takes that for a failure.
        _started = application.ApplicationStarted.Register(() => _stop = signals.Stop.Register(application.StopApplication));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _started.Dispose();
        _stop.Dispose();
    }
}
