namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>The system's clock, which tells when a time limit is given up: the moment in which what it limited has ended.</summary>
internal sealed class ClockOfAttempts : TimeProvider
{
    /// <summary>Called each time a timer is disposed; null calls nobody.</summary>
    public Action? Ended { get; set; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Limit(this, base.CreateTimer(callback, state, dueTime, period));

    private sealed class Limit(ClockOfAttempts clock, ITimer timer) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            timer.Dispose();
            clock.Ended?.Invoke();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
