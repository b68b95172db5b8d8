using Ingest.Write;
using Polly;
using Polly.Retry;

namespace Ingest.Sources.EventHubs;

/// <summary>When a claim is tried again: after what the database gets over by itself, with growing, jittered pauses.</summary>
internal static class ClaimPolicy
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);

    /// <param name="maxDelay">The longest pause.</param>
    /// <param name="time">Times the pauses.</param>
    /// <param name="onRetry">Told of each failure and of the pause before the next attempt.</param>
    public static ResiliencePipeline Create(TimeSpan maxDelay, TimeProvider time, Action<PostgresFailure, TimeSpan> onRetry) =>
        new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<Exception>(Passes),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = FirstDelay,
                MaxDelay = maxDelay,
                OnRetry = attempt =>
                {
                    onRetry(PostgresFailure.Of(attempt.Outcome.Exception!), attempt.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();

    /// <summary>Whether it passes without anybody's help.</summary>
    public static bool Passes(Exception exception) =>
        PostgresFailure.Of(exception).Kind is FailureKind.Outage or FailureKind.RetryAtOnce or FailureKind.TooSlow;
}
