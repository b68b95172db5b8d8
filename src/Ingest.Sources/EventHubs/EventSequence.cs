using Azure.Messaging.EventHubs;
using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// What the sequence numbers of a partition must be, and what they say about messages that never came. Until it begins, any number will do once.
/// Pure.
/// </summary>
internal sealed class EventSequence
{
    // The number before the next event, where a gap says that messages are missing; null where numbers say nothing about what came before.
    private long? _before;
    private long? _due;

    /// <summary>The last event, or the one before the oldest that the hub has; -1 where neither is known.</summary>
    public long Last => _before ?? _due - 1 ?? -1;

    /// <summary>Begins anew.</summary>
    /// <param name="last">The last event that is durable; null where none is.</param>
    /// <param name="start">Where reading goes on.</param>
    public void Begin(long? last, ReadingStart start)
    {
        _before = start.NumberingRestarted ? null : last;
        _due = start.NumberingRestarted ? null : Math.Max((last + 1) ?? 0, start.BeginSequenceNumber);
    }

    /// <summary>Maps what the client received, and says why it is not the next events; null where it is.</summary>
    public string? Map(IReadOnlyList<EventData> received, EventMapping mapping, out RawEvent[] events)
    {
        events = new RawEvent[received.Count];
        try
        {
            for (var i = 0; i < events.Length; i++)
            {
                events[i] = mapping.ToEvent(received[i]);
            }
        }
        catch (Exception exception)
        {
            return $"an event cannot be read: {exception.Message}";
        }

        return Fault(events);
    }

    /// <summary>Why events are not the next ones; null where they are.</summary>
    public string? Fault(IReadOnlyList<RawEvent> events)
    {
        var due = _due;
        foreach (var received in events)
        {
            if (received.SequenceNumber is not { } number || received.Offset is null)
            {
                return "an event does not say where it stands";
            }

            if (due is { } next && number != next)
            {
                return $"event {number} came where {next} was due";
            }

            due = number + 1;
        }

        return null;
    }

    /// <summary>Takes events in, whatever gaps are between them.</summary>
    /// <returns>Each gap: how many messages are missing, and the event behind it.</returns>
    public IReadOnlyList<(long Missing, long Next)> Take(IReadOnlyList<RawEvent> events)
    {
        List<(long, long)>? gaps = null;
        foreach (var received in events)
        {
            var number = received.SequenceNumber!.Value;
            if (SequenceGap.Between(_before, number) is > 0 and var missing)
            {
                (gaps ??= []).Add((missing, number));
            }

            (_before, _due) = (number, number + 1);
        }

        return gaps ?? (IReadOnlyList<(long, long)>)[];
    }
}
