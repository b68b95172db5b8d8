using Polly;
using Polly.Retry;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Tries again for as long as it takes: growing, jittered pauses for what passes by itself, the longest pause for what an operator must mend.
/// <c>onRetry</c> is told of each failure and of the pause before the next attempt.
/// </summary>
internal static class PatientRetry
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan BusyDelay = TimeSpan.FromSeconds(4);

    /// <summary>For readers: they go on through everything but a partition that another reader has taken.</summary>
    public static ResiliencePipeline ForReading(TimeSpan maxDelay, TimeProvider time, Action<HubException, TimeSpan> onRetry) =>
        Create(maxDelay, time, static exception => exception.Failure != HubFailure.PartitionTaken, onRetry);

    /// <summary>For senders: what waiting does not mend is the caller's to know.</summary>
    public static ResiliencePipeline ForSending(TimeSpan maxDelay, TimeProvider time, Action<HubException, TimeSpan> onRetry) =>
        Create(maxDelay, time, static exception => exception.Failure == HubFailure.Transient, onRetry);

    /// <summary>For claims of checkpoints: whatever the database says.</summary>
    public static ResiliencePipeline ForClaiming(TimeSpan maxDelay, TimeProvider time, Action<Exception, TimeSpan> onRetry) =>
        Create(maxDelay, time, static _ => true, onRetry);

    private static ResiliencePipeline Create<TException>(
        TimeSpan maxDelay, TimeProvider time, Func<TException, bool> retries, Action<TException, TimeSpan> onRetry)
        where TException : Exception =>
        new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = attempt => ValueTask.FromResult(
                    attempt.Outcome.Exception is TException exception && !attempt.Context.CancellationToken.IsCancellationRequested && retries(exception)),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = FirstDelay < maxDelay ? FirstDelay : maxDelay,
                MaxDelay = maxDelay,
                DelayGenerator = attempt => ValueTask.FromResult(attempt.Outcome.Exception switch
                {
                    HubException { NeedsOperator: true } => maxDelay,
                    // The offset is known to be wrong, and the next attempt asks for another place.
                    HubException { Failure: HubFailure.PositionUnknown } when attempt.AttemptNumber == 0 => TimeSpan.Zero,
                    HubException { IsBusy: true } => BusyDelay < maxDelay ? BusyDelay : maxDelay,
                    _ => (TimeSpan?)null,
                }),
                OnRetry = attempt =>
                {
                    onRetry((TException)attempt.Outcome.Exception!, attempt.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
}
