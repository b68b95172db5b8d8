using System.Runtime.ExceptionServices;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Diagnostics;
using Ingest.Worker.Ownership;
using Microsoft.Extensions.Hosting;

namespace Ingest.Worker.Hosting;

/// <summary>
/// The worker as a service of a host: waits until hub and database are there and fit, then reads until the first signal, and drains until
/// the second, or until the time for it is over.
/// </summary>
public sealed class WorkerService(
    WorkerSettings settings,
    HubClient client,
    PipelineComposition parts,
    HubWorker worker,
    ShutdownSignals signals,
    IHostApplicationLifetime application,
    TimeProvider time)
    : IHostedService
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    private readonly Outage _hubOutage = OutageOf(client, time, WorkerLog.Unreachable);
    private readonly Outage _databaseOutage = OutageOf(client, time, WorkerLog.NotClaimed);
    private Task _running = Task.CompletedTask;
    private WorkerTelemetry? _telemetry;
    private Exception? _failure;

    /// <summary>What it waits for; null while nothing stands in the way.</summary>
    public string? WaitsFor => _hubOutage.Reason ?? _databaseOutage.Reason ?? worker.WaitsFor;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _telemetry = WorkerTelemetry.Start();
        _running = RunAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        signals.RequestStop();
        await _running;
        _telemetry?.Dispose();
    }

    /// <summary>Throws what ended the worker, if it was not a signal.</summary>
    /// <exception cref="StartUpException">It cannot do its work as it is set up.</exception>
    /// <exception cref="OperationCanceledException">The drain was cut short.</exception>
    public void ThrowIfFailed()
    {
        if (_failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private async Task RunAsync()
    {
        await StartedAsync();
        try
        {
            await CheckAsync(signals.Stop);
            await worker.RunAsync(signals.Stop, signals.Abandon);
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested && !signals.Abandon.IsCancellationRequested)
        {
            // Told to stop while it waited.
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
        finally
        {
            application.StopApplication();
        }
    }

    // The host must not be told to stop, by whatever ends the worker, before it has started.
    private async Task StartedAsync()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (application.ApplicationStarted.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), started))
        {
            await started.Task;
        }
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        var pause = FirstPause;
        while (true)
        {
            var report = await StartUpCheck.RunAsync(client, settings.Pipeline.Hub.ConsumerGroup, parts, tell: null, cancellationToken);
            if (!report.MayPass)
            {
                report.ThrowIfAny();
            }

            Tell(_hubOutage, report.Hub, pause);
            Tell(_databaseOutage, report.Database, pause);
            if (report.IsClean)
            {
                foreach (var warning in report.Warnings)
                {
                    WorkerLog.ActsOnReadings(client.Logger, warning);
                }

                return;
            }

            await Task.Delay(pause, time, cancellationToken);
            pause = TimeSpan.FromSeconds(Math.Min(pause.TotalSeconds * 2, settings.Pipeline.Hub.MaxRetryDelaySeconds));
        }
    }

    private static void Tell(Outage outage, IReadOnlyList<StartUpProblem> problems, TimeSpan pause)
    {
        if (problems.Count == 0)
        {
            outage.Ends();
        }
        else
        {
            outage.Begins(new StartUpException(string.Join(" ", problems.Select(problem => problem.Sentence))), pause);
        }
    }

    private static Outage OutageOf(
        HubClient client, TimeProvider time, Action<Microsoft.Extensions.Logging.ILogger, string, string, TimeSpan> begins) => new(
        static exception => new Obstacle(exception.Message, NeedsOperator: false),
        (obstacle, delay) => begins(client.Logger, client.Hub, obstacle.Sentence, delay),
        (obstacle, delay) => WorkerLog.WaitingStill(client.Logger, client.Hub, obstacle.Sentence, delay),
        took => WorkerLog.GoingOn(client.Logger, client.Hub, took),
        time);
}
