namespace Ingest.Cli.Simulation;

/// <summary>How many messages are due by now at a steady rate. After a stall it catches up by one second at the most.</summary>
internal sealed class Pace(double messagesPerSecond, TimeProvider clock)
{
    private long _start = clock.GetTimestamp();
    private long _taken;

    /// <summary>Takes what is due, at most <paramref name="most"/>.</summary>
    public int Take(int most)
    {
        var elapsed = clock.GetElapsedTime(_start);
        var due = (long)(elapsed.Ticks * messagesPerSecond / TimeSpan.TicksPerSecond) - _taken;
        if (due > messagesPerSecond)
        {
            _start = clock.GetTimestamp() - clock.TimestampFrequency;
            _taken = 0;
            due = (long)messagesPerSecond;
        }

        var take = (int)Math.Clamp(due, 0, most);
        _taken += take;
        return take;
    }
}
