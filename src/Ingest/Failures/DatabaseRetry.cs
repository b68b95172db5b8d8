using Polly;
using Polly.Retry;

namespace Ingest.Failures;

/// <summary>
/// All delays between attempts at a database operation, and how many attempts follow each other without a delay. Those of the hub are in
/// <c>Ingest.Sources</c> (<c>PatientRetry</c>).
/// </summary>
internal static class DatabaseRetry
{
    /// <summary>Attempts without a delay while other writers interfere. After these, it waits.</summary>
    public const int MostAttemptsAtOnce = 20;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(30);

    /// <summary>Tries again for ever, with exponentially growing, jittered delays.</summary>
    /// <param name="clock">Times the delays.</param>
    /// <param name="retries">Whether a failure is one that another attempt may get past.</param>
    /// <param name="onRetry">Told of each failure, and of the delay before the next attempt.</param>
    public static ResiliencePipeline Create(TimeProvider clock, Func<Exception, bool> retries, Action<Exception, TimeSpan> onRetry) =>
        new ResiliencePipelineBuilder { TimeProvider = clock }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = attempt => ValueTask.FromResult(
                    attempt.Outcome.Exception is { } exception
                    && !attempt.Context.CancellationToken.IsCancellationRequested
                    && retries(exception)),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = FirstDelay,
                MaxDelay = LongestDelay,
                OnRetry = attempt =>
                {
                    onRetry(attempt.Outcome.Exception!, attempt.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
}
