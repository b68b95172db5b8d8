using System.Text;
using Ingest.Cli.Terminal;
using Ingest.Events;

namespace Ingest.Cli.Up;

/// <summary>A message shown in the live view.</summary>
internal sealed record LastMessage(DateTime? Time, string Device, string Text);

/// <summary>Adds up what a run committed: counts, latency from enqueued to committed, the last messages. Safe for many threads.</summary>
internal sealed class RunMeter
{
    private const int Shown = 5;

    private readonly Lock _lock = new();
    private readonly Queue<LastMessage> _last = new();
    private ReadingCounts _total;
    private long _messages;
    private DateTimeOffset? _first;

    public LatencyHistogram Latency { get; } = new();

    public ReadingCounts Total
    {
        get
        {
            lock (_lock)
            {
                return _total;
            }
        }
    }

    /// <summary>When the first message was committed; null before.</summary>
    public DateTimeOffset? FirstCommittedAt
    {
        get
        {
            lock (_lock)
            {
                return _first;
            }
        }
    }

    /// <summary>Messages committed; a message can hold many readings.</summary>
    public long Messages
    {
        get
        {
            lock (_lock)
            {
                return _messages;
            }
        }
    }

    public void Add(IReadOnlyList<RawEvent> events, BatchResult result)
    {
        foreach (var message in events)
        {
            if ((message.EnqueuedTime ?? message.RowTime) is { } enqueued)
            {
                Latency.Add(result.CommittedAt.UtcDateTime - enqueued);
            }
        }

        lock (_lock)
        {
            _first ??= result.CommittedAt;
            _total += result.Counts;
            _messages += events.Count;
            foreach (var message in events.Skip(events.Count - Shown))
            {
                _last.Enqueue(new LastMessage(message.RowTime, message.DeviceId ?? "", Text(message.Body.Span)));
                if (_last.Count > Shown)
                {
                    _last.Dequeue();
                }
            }
        }
    }

    public IReadOnlyList<LastMessage> Last()
    {
        lock (_lock)
        {
            return [.. _last];
        }
    }

    private static string Text(ReadOnlySpan<byte> body)
    {
        const int Most = 72;
        var text = Encoding.UTF8.GetString(body[..Math.Min(body.Length, Most)]);
        return body.Length > Most ? text + "…" : text;
    }
}
