using Ingest.Failures;

namespace Ingest.Diagnostics;

/// <summary>The state of the write path.</summary>
public enum PipelineState
{
    /// <summary>The last flush was committed, or none was tried yet.</summary>
    Working,

    /// <summary>The database is unreachable, exhausted or too slow; the pipeline retries by itself.</summary>
    Outage,

    /// <summary>The database answers, but an operator has to correct something; then the pipeline continues by itself.</summary>
    OperatorMistake,
}

/// <summary>What happens to a flush that has failed.</summary>
public enum RetryState
{
    /// <summary>No flush has failed.</summary>
    Idle,

    /// <summary>It waits for its next attempt.</summary>
    Waiting,

    /// <summary>Its next attempt is running.</summary>
    Retrying,
}

/// <summary>The health of the write path at one moment.</summary>
/// <param name="State">How it is.</param>
/// <param name="Since">Since when.</param>
/// <param name="Retry">Whether a flush has failed, and what becomes of it.</param>
/// <param name="Error">While not working: what is wrong and what to do. Otherwise null.</param>
/// <param name="LastError">The most recent failure, even if it is over; null if there was none.</param>
/// <param name="Retries">Flushes tried again, since the start.</param>
/// <param name="QueuedBatches">Batches taken and not yet durable, those of the flush under way included.</param>
/// <param name="QueuedMessages">Their messages.</param>
public sealed record PipelineHealthSnapshot(
    PipelineState State,
    DateTimeOffset Since,
    RetryState Retry,
    string? Error,
    string? LastError,
    long Retries,
    int QueuedBatches,
    long QueuedMessages);

/// <summary>The health of the write path, for probes, status and alarms.</summary>
public sealed class PipelineHealth
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, PostgresFailure> _failing = [];
    private readonly TimeProvider _clock;
    private Func<(int Batches, long Events)> _depth = () => (0, 0);
    private PipelineState _state;
    private RetryState _retry;
    private DateTimeOffset _since;
    private string? _lastError;
    private long _retries;

    public PipelineHealth(TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        _clock = clock;
        _since = clock.GetUtcNow();
    }

    /// <summary>The current state of the write path.</summary>
    public PipelineHealthSnapshot Read()
    {
        var (batches, events) = _depth();
        lock (_gate)
        {
            var error = _failing.Count == 0 ? null : _failing.Values.MaxBy(failure => failure.Kind)!.Sentence;
            return new PipelineHealthSnapshot(_state, _since, _retry, error, _lastError, _retries, batches, events);
        }
    }

    internal void WatchQueue(Func<(int Batches, long Events)> depth) => _depth = depth;

    /// <summary>A writer waits before it tries again.</summary>
    /// <returns>Whether this is news: the pipeline worked until now, or waited for something else.</returns>
    internal bool Waits(int writer, PostgresFailure failure)
    {
        lock (_gate)
        {
            _failing[writer] = failure;
            _lastError = failure.Sentence;
            _retries++;
            _retry = RetryState.Waiting;
            return Change();
        }
    }

    /// <summary>A writer tries; where it had failed, again.</summary>
    internal void TriesAgain(int writer)
    {
        lock (_gate)
        {
            if (_failing.ContainsKey(writer))
            {
                _retry = RetryState.Retrying;
            }
        }
    }

    /// <summary>A writer has committed, or its flush has ended otherwise.</summary>
    /// <returns>Whether the pipeline works again, and for how long it did not.</returns>
    internal TimeSpan? Works(int writer)
    {
        lock (_gate)
        {
            if (!_failing.Remove(writer))
            {
                return null;
            }

            _retry = _failing.Count == 0 ? RetryState.Idle : _retry;
            var since = _since;
            return Change() && _state == PipelineState.Working ? _clock.GetUtcNow() - since : null;
        }
    }

    private bool Change()
    {
        var state = _failing.Count == 0
            ? PipelineState.Working
            : _failing.Values.Any(
                failure => failure.Kind == FailureKind.OperatorMistake) ? PipelineState.OperatorMistake : PipelineState.Outage;
        if (state == _state)
        {
            return false;
        }

        _state = state;
        _since = _clock.GetUtcNow();
        return true;
    }
}
