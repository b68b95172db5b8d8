using System.Globalization;
using Azure.Messaging.EventHubs.Consumer;

namespace Ingest.Sources.EventHubs;

/// <summary>A place in a partition, as the client is told it and as a filter on the wire.</summary>
internal readonly record struct StartAt
{
    /// <summary>The oldest event the hub still has.</summary>
    public static readonly StartAt Earliest = new() { Position = EventPosition.Earliest, Filter = "amqp.annotation.x-opt-offset > '-1'" };

    /// <summary>For the client.</summary>
    public EventPosition Position { get; private init; }

    /// <summary>For a link: a selector.</summary>
    public string Filter { get; private init; }

    /// <summary>Behind the event at an offset.</summary>
    public static StartAt After(string offset) => new()
    {
        Position = EventPosition.FromOffset(offset, isInclusive: false),
        Filter = $"amqp.annotation.x-opt-offset > '{offset}'",
    };

    /// <summary>Behind the event with a sequence number, where its offset is not known.</summary>
    public static StartAt AfterNumber(long sequenceNumber) => new()
    {
        Position = EventPosition.FromSequenceNumber(sequenceNumber, isInclusive: false),
        Filter = string.Create(CultureInfo.InvariantCulture, $"amqp.annotation.x-opt-sequence-number > '{sequenceNumber}'"),
    };

    /// <summary>The event at an offset.</summary>
    public static StartAt Offset(string offset) => new()
    {
        Position = EventPosition.FromOffset(offset, isInclusive: true),
        Filter = $"amqp.annotation.x-opt-offset >= '{offset}'",
    };

    /// <summary>The first event that the event hub stamped at or after this time, UTC.</summary>
    public static StartAt Since(DateTime enqueuedTime)
    {
        if (enqueuedTime <= DateTime.UnixEpoch)
        {
            return Earliest;
        }

        // The hub reads a time as exclusive, in whole milliseconds.
        var before = new DateTimeOffset(DateTime.SpecifyKind(enqueuedTime, DateTimeKind.Utc)).ToUnixTimeMilliseconds() - 1;
        return new()
        {
            Position = EventPosition.FromEnqueuedTime(DateTimeOffset.FromUnixTimeMilliseconds(before)),
            Filter = string.Create(CultureInfo.InvariantCulture, $"amqp.annotation.x-opt-enqueued-time > '{before}'"),
        };
    }
}
