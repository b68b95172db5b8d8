namespace Ingest.TestSupport.Faults;

/// <summary>The system's clock, set wrong. Timers are not touched.</summary>
public sealed class OffsetClock : TimeProvider
{
    private long _offsetTicks;

    /// <summary>By how much it is wrong. Default: zero.</summary>
    public TimeSpan Offset
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _offsetTicks));
        set => Interlocked.Exchange(ref _offsetTicks, value.Ticks);
    }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Offset;
}
