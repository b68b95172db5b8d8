using System.Collections.Concurrent;
using System.Diagnostics.Tracing;

namespace Ingest.Worker.Partitions;

/// <summary>
/// Counts the links that the client opens for a reader. It makes a lost one anew by itself, at the offset it knows and without a word; whether
/// that offset still means the same place is ours to prove. The client's diagnostic events are the one place where it tells.
/// </summary>
internal sealed class LinkWatch : EventListener
{
    private const string Source = "Azure-Messaging-EventHubs";
    private const string Opening = "AmqpConsumerLinkCreateStart";
    private const string NotOpened = "AmqpConsumerLinkCreateError";

    // Static, because the base's constructor calls back before this class's own has run.
    private static readonly ConcurrentDictionary<string, int> Opened = new(StringComparer.Ordinal);

    // The one of this process: the events are the process's, too.
    private static readonly LinkWatch Instance = new();

    private LinkWatch()
    {
    }

    /// <summary>Begins to count a reader's links.</summary>
    public static void Begin(string reader)
    {
        GC.KeepAlive(Instance);
        Opened[reader] = 0;
    }

    /// <summary>Ends counting.</summary>
    public static void End(string reader) => Opened.TryRemove(reader, out _);

    /// <summary>How many links were opened, or are being opened, since <see cref="Begin"/>.</summary>
    public static int Count(string reader) => Opened.GetValueOrDefault(reader);

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        ArgumentNullException.ThrowIfNull(eventSource);
        if (eventSource.Name == Source)
        {
            // The events that are wanted have this level, and no keyword of their own.
            EnableEvents(eventSource, EventLevel.Verbose);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        ArgumentNullException.ThrowIfNull(eventData);
        var change = eventData.EventName switch
        {
            Opening => 1,
            NotOpened => -1,
            _ => 0,
        };
        if (change != 0 && eventData is { PayloadNames: { } names, Payload: { } values } && names.IndexOf("identifier") is >= 0 and var at && values[at] is string reader)
        {
            while (Opened.TryGetValue(reader, out var count) && !Opened.TryUpdate(reader, Math.Max(0, count + change), count))
            {
            }
        }
    }
}
