using Azure.Messaging.EventHubs;
using Ingest.Sources.EventHubs;

namespace Ingest.Worker.Partitions;

/// <summary>
/// How Microsoft's client tries again by itself: twice, soon, and never over an event that it cannot read: it would go on behind it, and
/// leave its neighbours out without a word.
/// </summary>
internal sealed class ClientRetry(HubSettings settings) : EventHubsRetryPolicy
{
    private const int Most = 2;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    // The hub asks for a pause of some seconds.
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(4);

    public override TimeSpan CalculateTryTimeout(int attemptCount) => TimeSpan.FromSeconds(settings.OperationTimeoutSeconds);

    public override TimeSpan? CalculateRetryDelay(Exception lastException, int attemptCount)
    {
        if (attemptCount > Most || HubException.IsUndecodable(lastException))
        {
            return null;
        }

        return lastException switch
        {
            EventHubsException { Reason: EventHubsException.FailureReason.ServiceBusy } => BusyPause,
            EventHubsException { IsTransient: true } or TimeoutException or IOException or System.Net.Sockets.SocketException => Pause,
            _ => null,
        };
    }
}
