using System.Collections.Concurrent;
using Ingest.Columns;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>
/// Turns messages into column values or reasons to reject them. It never throws because of what a message holds, and no reading disturbs
/// another. Thread-safe; how a message is decoded depends only on the message and, for the bounds of time, on the clock and the stamps
/// seen.
/// </summary>
/// <remarks>
/// <para><b>The message.</b> One whose source is not <c>Telemetry</c> (in any case; none on a plain event hub) is ignored, as is one older
/// than <see cref="TelemetrySettings.OldestAccepted"/> before the earlier of the local clock and the highest hub stamp seen, and an empty
/// array. Its stamp, or the time that <see cref="TelemetrySettings.TimeSource"/> finds in each reading, must lie between <see
/// cref="TelemetrySettings.EarliestAccepted"/> and a day after the later of the local clock and the highest hub stamp seen.</para>
/// <para><b>The body.</b> UTF-8, UTF-16 or UTF-32, with or without a byte order mark, at most 256 KiB; gzip or deflate, at most 1 MiB
/// inflated. <c>content-type</c> is not looked at: devices seldom set it. It is JSON (RFC 8259: no comments, no trailing commas), one
/// value or several one after the other: an object is one reading, an array's elements are one each, and with <see
/// cref="TelemetrySettings.Readings"/> what lies there; 10,000 at the most: a body past it is rejected whole. They take at most 16 MiB of
/// text and JSON together. A body that is not JSON to its end is rejected whole; what is wrong with a value rejects its reading alone, and
/// so does nesting over 64 levels, counted from the body's outermost bracket.</para>
/// <para><b>The device</b> is the one IoT Hub authenticated. The message may repeat it in <c>device</c> (or where <see
/// cref="TelemetrySettings.DeviceFrom"/> says), and may name another only where the authenticated one is listed as a gateway; it must be a
/// string or null, unless a path below it is mapped and it is an object. Where IoT Hub names none, the body's is taken if <see
/// cref="TelemetrySettings.AllowBodyDevice"/>. It has 1 to 128 characters, without NUL.</para>
/// <para><b>Values.</b> The last of repeated names counts, at every level. Missing, or JSON <c>null</c>, is NULL. A reading in which not
/// one mapped place occurs, be it with null, is rejected, unless a payload column takes it or <see cref="TelemetrySettings.AllowEmpty"/>.
/// A path through anything but an object or null is a wrong type. Numbers: <c>double</c> and <c>real</c> take the nearest value (too small
/// becomes 0, too large is out of range); <c>bigint</c> and <c>integer</c> take numbers whose fraction is zero (<c>1.0</c>, <c>1e3</c>).
/// <c>boolean</c> takes true and false, <c>text</c> strings without NUL, <c>timestamptz</c> ISO 8601 strings with <c>Z</c> or an offset,
/// cut to microseconds (the first instant of the year 1 is out of range: it would be stored as <c>-infinity</c>), or another <see
/// cref="ColumnSettings.Format"/>. Nothing is converted from text to a number or from anything to text, but for columns with <see
/// cref="ColumnSettings.Convert"/>; a decimal comma never is. <c>jsonb</c> takes any value whose numbers fit numeric and whose strings
/// hold no NUL, as long as the server could write out what one message holds of them in 16 MiB: <c>1e131071</c> is 131,072 digits then.
/// The payload column takes the whole reading.</para>
/// <para><b>Application properties</b> have a type already, so they are converted only where nothing is lost: between numbers of equal
/// value, from <c>char</c>, <c>Guid</c> and <c>Uri</c> to text, from <c>DateTime</c> (UTC unless it says that it is local),
/// <c>DateTimeOffset</c> and ISO 8601 text to a time. Text is never a number.</para>
/// </remarks>
public sealed class BatchDecoder
{
    /// <summary>How the sentence about a message begins that is no AMQP.</summary>
    internal const string Undecodable = "The message cannot be read as AMQP: ";

    private static readonly PartLimits CountedAtATime = new(Readings: 10_000, Bytes: 8 * 1024 * 1024);
    private static readonly TimeSpan AheadOfClock = TimeSpan.FromDays(1);

    private readonly TelemetryMapping _mapping;
    private readonly BodyDeviceRules _devices;
    private readonly TimeProvider _clock;
    private readonly DateTime _earliest;
    private readonly TimeSpan? _oldest;
    private readonly ReadingColumnsPool _columns;
    private readonly ConcurrentQueue<EventDecoder> _idle = new();
    private long _highestStamp;

    public BatchDecoder(TelemetryMapping mapping, TelemetrySettings settings, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        ArgumentNullException.ThrowIfNull(settings);
        _mapping = mapping;
        _devices = new BodyDeviceRules(
            settings.AllowBodyDevice,
            settings.Gateways.ToHashSet(StringComparer.Ordinal),
            mapping.Key.DeviceType == DeviceType.Uuid,
            mapping.Device);
        _clock = clock;
        _earliest = settings.EarliestAccepted.UtcDateTime;
        _oldest = settings.OldestKept;
        _columns = new ReadingColumnsPool(mapping.TableColumns);
    }

    /// <summary>Decodes a batch. The result holds the events and their bodies, and must be disposed when its rows are stored.</summary>
    public DecodedBatch Decode(IReadOnlyList<RawEvent> events) => Decode(events, 0, PartLimits.None);

    /// <summary>
    /// Counts what decoding makes of messages, and keeps none of it: as stored what would be a row, new or there already.
    /// </summary>
    public ReadingCounts Count(IReadOnlyList<RawEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        var counts = default(ReadingCounts);
        for (var next = 0; next < events.Count;)
        {
            using var decoded = Decode(events, next, CountedAtATime);
            counts += new ReadingCounts(
                Received: decoded.Received,
                Stored: decoded.Readings.Count,
                DeadLettered: decoded.Received - decoded.Readings.Count - decoded.Ignored,
                Ignored: decoded.Ignored);
            next = decoded.EndIndex;
        }

        return counts;
    }

    /// <summary>Decodes a batch from the message <paramref name="firstIndex"/> on, up to the limits; one message at the least.</summary>
    internal DecodedBatch Decode(IReadOnlyList<RawEvent> events, int firstIndex, PartLimits limits)
    {
        ArgumentNullException.ThrowIfNull(events);
        var bounds = Bounds(events);
        var decoder = _idle.TryDequeue(out var idle) ? idle : new EventDecoder(_mapping, _devices);
        var output = new DecoderOutput(_columns.Rent());
        try
        {
            var nextIndex = firstIndex;
            var hasRetrials = false;
            for (
                ; nextIndex < events.Count
                && (nextIndex == firstIndex || !limits.Pauses(output, events[nextIndex - 1], events[nextIndex])); nextIndex++)
            {
                var message = events[nextIndex];
                hasRetrials |= message.Retrial is not null;
                output.Begin(nextIndex);
                output.Bytes += message.Body.Length;
                if (message.Undecodable is { } why)
                {
                    output.Reject(new(RejectReason.Undecodable, $"{Undecodable}{why}"));
                }
                else if (!EventDecoder.IsTelemetry(message))
                {
                    output.Ignored++;
                }
                else
                {
                    decoder.Decode(message, nextIndex, bounds, ref output);
                }
            }

            return new DecodedBatch(events, output.Readings, output.Rejections ?? (IReadOnlyList<Rejection>)[], output.Ignored)
            {
                FirstIndex = firstIndex,
                EndIndex = nextIndex,
                Counts = output.Counts ?? (IReadOnlyList<RejectionCount>)[],
                Bytes = output.Bytes,
                HasRetrials = hasRetrials,
                Pool = _columns,
            };
        }
        catch
        {
            output.Readings.Dispose();
            throw;
        }
        finally
        {
            decoder.Dispose();
            _idle.Enqueue(decoder);
        }
    }

    private TimeBounds Bounds(IReadOnlyList<RawEvent> events)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        var highest = 0L;
        for (var i = 0; i < events.Count; i++)
        {
            highest = Math.Max(highest, events[i].EnqueuedTime?.Ticks ?? 0);
        }

        var seen = Interlocked.Read(ref _highestStamp);
        while (highest > seen && Interlocked.CompareExchange(ref _highestStamp, highest, seen) != seen)
        {
            seen = Interlocked.Read(ref _highestStamp);
        }

        highest = Math.Max(highest, seen);
        var latest = Math.Max(highest, now.Ticks);

        // If a clock that runs ahead decided alone, good readings would be ignored as expired.
        var today = highest > 0 ? new DateTime(Math.Min(highest, now.Ticks), DateTimeKind.Utc) : now;
        return new TimeBounds(
            _earliest,
            new DateTime(Math.Min(latest, (DateTime.MaxValue - AheadOfClock).Ticks), DateTimeKind.Utc) + AheadOfClock,
            _oldest is { } age && age < today - DateTime.MinValue ? today - age : DateTime.MinValue);
    }
}
