using System.Runtime.InteropServices;

namespace Ingest.Worker.Hosting;

/// <summary>
/// Two-stage shutdown. The first SIGINT or SIGTERM stops receiving; a second one, or <see cref="DrainTime"/> later, abandons the work in
/// progress. Child processes are not told by the terminal: they are stopped after the drain.
/// </summary>
public sealed class ShutdownSignals : IDisposable
{
    /// <summary>How long a drain may take: less than the 30 seconds that Kubernetes and Docker wait before SIGKILL.</summary>
    public static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(25);

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abandon = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly TimeProvider _clock;
    private ITimer? _deadline;

    public ShutdownSignals(TimeProvider clock)
    {
        _clock = clock;
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                OnSignal();
            }));
        }
    }

    /// <summary>Stop receiving, finish what was received.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Abandon unfinished work: it was not acknowledged and will be read again.</summary>
    public CancellationToken Abandon => _abandon.Token;

    /// <summary>Asks for the first stage from inside the program.</summary>
    public void RequestStop()
    {
        lock (_registrations)
        {
            if (!_stop.IsCancellationRequested)
            {
                _deadline = _clock.CreateTimer(_ => _abandon.Cancel(), null, DrainTime, Timeout.InfiniteTimeSpan);
                _stop.Cancel();
            }
        }
    }

    /// <summary>The drain is done: what comes after it is not abandoned by the clock, only by a second signal.</summary>
    public void Drained()
    {
        lock (_registrations)
        {
            _deadline?.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _deadline?.Dispose();
        _stop.Dispose();
        _abandon.Dispose();
    }

    private void OnSignal()
    {
        if (_stop.IsCancellationRequested)
        {
            _abandon.Cancel();
        }
        else
        {
            RequestStop();
        }
    }
}
