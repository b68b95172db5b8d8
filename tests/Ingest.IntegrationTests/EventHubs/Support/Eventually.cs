using Xunit;

namespace Ingest.IntegrationTests.EventHubs.Support;

internal static class Eventually
{
    /// <summary>Awaits that a condition holds, at most half a minute.</summary>
    public static async Task Is(Func<bool> condition)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, timeout.Token);
        }
    }
}
