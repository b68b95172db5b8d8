using Ingest.Failures;

namespace Ingest.GroupCommit;

/// <summary>How long a caller lets its batch be tried: until it cancels, or until the time set for all of them is over.</summary>
internal sealed class GiveUpTimer : IDisposable
{
    private readonly TimeSpan _after;
    private readonly CancellationTokenSource? _timer;
    private readonly CancellationTokenSource? _either;
    private readonly CancellationToken _caller;
    private readonly Func<string?> _lastError;

    /// <param name="after">The time; zero or less: for ever.</param>
    /// <param name="clock">Measures it.</param>
    /// <param name="lastError">What the database said last, for the exception.</param>
    /// <param name="caller">The caller's token.</param>
    public GiveUpTimer(TimeSpan after, TimeProvider clock, Func<string?> lastError, CancellationToken caller)
    {
        _after = after;
        _caller = caller;
        _lastError = lastError;
        if (after > TimeSpan.Zero)
        {
            _timer = new CancellationTokenSource(after, clock);
            _either = CancellationTokenSource.CreateLinkedTokenSource(caller, _timer.Token);
        }
    }

    /// <summary>Cancelled by the caller, or when the time is over.</summary>
    public CancellationToken Token => _either?.Token ?? _caller;

    /// <summary>Awaits what <see cref="Token"/> cancels.</summary>
    /// <exception cref="DatabaseUnavailableException">It was cancelled because the time is over.</exception>
    public async Task ObserveAsync(Task cancelled)
    {
        try
        {
            await cancelled;
        }
        catch (OperationCanceledException) when (_timer?.IsCancellationRequested == true && !_caller.IsCancellationRequested)
        {
            throw new DatabaseUnavailableException(_after, _lastError());
        }
    }

    public void Dispose()
    {
        _either?.Dispose();
        _timer?.Dispose();
    }
}
