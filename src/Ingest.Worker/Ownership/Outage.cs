namespace Ingest.Worker.Ownership;

/// <summary>What something that is waited for told: the sentence, and whether waiting alone does not mend it.</summary>
internal readonly record struct Obstacle(string Sentence, bool NeedsOperator);

/// <summary>
/// What the worker waits for: one log line when it begins, one when it ends, and attempts in between only for debugging. Safe for many
/// threads.
/// </summary>
/// <param name="describe">Says what a failure means.</param>
/// <param name="begins">Logs the beginning, and a change of what is to be done about it.</param>
/// <param name="still">Logs a further attempt.</param>
/// <param name="ends">Logs the end, with how long it took.</param>
/// <param name="time">Times it.</param>
internal sealed class Outage(
    Func<Exception, Obstacle> describe,
    Action<Obstacle, TimeSpan> begins,
    Action<Obstacle, TimeSpan> still,
    Action<TimeSpan> ends,
    TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _since;
    private Obstacle? _now;

    /// <summary>What it waits for; null while it does not.</summary>
    public string? Reason
    {
        get
        {
            lock (_lock)
            {
                return _now?.Sentence;
            }
        }
    }

    public void Begins(Exception exception, TimeSpan delay)
    {
        var obstacle = describe(exception);
        bool isNews;
        lock (_lock)
        {
            // What waiting does not mend is news, also after what it does.
            isNews = _now?.NeedsOperator != obstacle.NeedsOperator;
            _since = _now is null ? time.GetTimestamp() : _since;
            _now = obstacle;
        }

        (isNews ? begins : still)(obstacle, delay);
    }

    public void Ends()
    {
        TimeSpan took;
        lock (_lock)
        {
            if (_now is null)
            {
                return;
            }

            _now = null;
            took = time.GetElapsedTime(_since);
        }

        ends(took);
    }
}
