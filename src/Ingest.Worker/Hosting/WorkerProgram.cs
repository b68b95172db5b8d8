using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ingest.Worker.Hosting;

/// <summary>A process that is a worker and nothing else: a container.</summary>
public static class WorkerProgram
{
    /// <summary>Done: it was told to stop, and has drained.</summary>
    public const int Success = 0;

    /// <summary>It failed, or its drain was cut short; whoever restarts it shall go on doing so.</summary>
    public const int Failure = 1;

    /// <summary>A setting or the start-up check is wrong: nothing was read or written.</summary>
    public const int Unusable = 2;

    /// <summary>Builds the host and runs it until it is told to stop. What keeps it from its work is one sentence on standard error.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(Func<IHost> build)
    {
        ArgumentNullException.ThrowIfNull(build);
        try
        {
            using var host = build();
            var worker = host.Services.GetRequiredService<WorkerService>();
            await host.RunAsync(CancellationToken.None);
            worker.ThrowIfFailed();
            return Success;
        }
        catch (StartUpException exception)
        {
            ErrorLines.Write(exception.Message);
            return exception.MayPass ? Failure : Unusable;
        }
        catch (OperationCanceledException)
        {
            ErrorLines.Write("Shutting down took too long or was interrupted; whatever was not committed will be read again by the next worker.");
            return Failure;
        }
    }
}
