using Polly;
using Polly.Retry;

namespace Ingest.Worker.Partitions;

/// <summary>When a partition's claim is tried again: whatever the database says, with growing, jittered pauses.</summary>
internal static class ClaimRetry
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);

    /// <param name="maxDelay">The longest pause.</param>
    /// <param name="time">Times the pauses.</param>
    /// <param name="onRetry">Told of each failure and of the pause before the next attempt.</param>
    public static ResiliencePipeline Create(TimeSpan maxDelay, TimeProvider time, Action<Exception, TimeSpan> onRetry) =>
        new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = static attempt => ValueTask.FromResult(
                    attempt.Outcome.Exception is not null && !attempt.Context.CancellationToken.IsCancellationRequested),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = FirstDelay,
                MaxDelay = maxDelay,
                OnRetry = attempt =>
                {
                    onRetry(attempt.Outcome.Exception!, attempt.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
}
