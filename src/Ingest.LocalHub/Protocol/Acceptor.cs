using System.Net.Sockets;
using Ingest.LocalHub.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ingest.LocalHub.Protocol;

/// <summary>Takes connections for as long as the hub lives, whatever happens to single ones.</summary>
/// <param name="accept">Waits for the next connection.</param>
/// <param name="take">Is given each; must not throw.</param>
/// <param name="clock">Measures the pause after a failure.</param>
/// <param name="logger">Is told of failures.</param>
internal sealed class Acceptor(Func<CancellationToken, ValueTask<Socket>> accept, Action<Socket> take, TimeProvider clock, ILogger logger)
{
    /// <summary>Without descriptors left (EMFILE) accepting fails at once, until somebody goes: it must not spin.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                try
                {
                    take(await accept(stopping));
                }
                catch (SocketException exception) when (!stopping.IsCancellationRequested)
                {
                    HubLog.AcceptFailed(logger, exception.Message);
                    await Task.Delay(Pause, clock, stopping);
                }
            }
        }
        catch (Exception exception) when (stopping.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The hub ends, and its listener with it.
        }
    }
}
