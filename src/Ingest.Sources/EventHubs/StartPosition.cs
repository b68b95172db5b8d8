using System.Globalization;
using Ingest.Checkpoints;

namespace Ingest.Sources.EventHubs;

/// <summary>Where reading a partition begins.</summary>
internal abstract record StartPosition
{
    /// <summary>The oldest event the hub still has.</summary>
    public static readonly StartPosition Earliest = new FromEarliest();

    /// <summary>After an event that was read before; it must still be the same event at that offset, or have left by retention.</summary>
    public static StartPosition After(Position position) => new AfterEvent(position);

    /// <summary>The first event that the event hub stamped at or after this time.</summary>
    public static StartPosition Since(DateTime enqueuedTime) => new SinceTime(enqueuedTime);

    /// <summary>The filter's expression, as the hub reads it.</summary>
    public abstract string Filter { get; }

    internal sealed record FromEarliest : StartPosition
    {
        public override string Filter => "amqp.annotation.x-opt-offset > '-1'";
    }

    internal sealed record AfterEvent(Position Position) : StartPosition
    {
        // Inclusive: the hub sends the event itself first, which proves that it still means the same place.
        public override string Filter => $"amqp.annotation.x-opt-offset >= '{Position.Offset}'";
    }

    internal sealed record SinceTime(DateTime EnqueuedTime) : StartPosition
    {
        public override string Filter => string.Create(
            CultureInfo.InvariantCulture,
            $"amqp.annotation.x-opt-enqueued-time >= '{new DateTimeOffset(EnqueuedTime, TimeSpan.Zero).ToUnixTimeMilliseconds()}'");
    }
}
