using System.Text.Json;
using Ingest.Columns.Types;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>
/// Decodes one message after the other into columns: its envelopes, whose it is, its body, and each reading of the body
/// (<see cref="BodyDecoder"/>). Not thread-safe.
/// </summary>
internal sealed class EventDecoder : IDisposable
{
    private readonly MessageBody _opened = new();
    private readonly ValueScratch _scratch = new();
    private readonly DeviceRule _device;
    private readonly ReadingValues _values;
    private readonly NarrowRows? _narrow;
    private readonly BodyDecoder _body;
    private readonly EnvelopeReader? _envelopes;
    private readonly bool _stampsCount;

    public EventDecoder(TelemetryMapping mapping, BodyDeviceRules devices)
    {
        _device = new DeviceRule(devices, _scratch);
        var time = new TimeRule(mapping.Time, _scratch);
        _values = new ReadingValues(mapping, _scratch);
        _narrow = mapping.IsNarrow ? new NarrowRows(mapping, _scratch) : null;
        _body = new BodyDecoder(mapping, new ReadingDecoder(mapping, _values, _device, time, _narrow, _scratch), _scratch);
        _envelopes = mapping.Envelope == Envelope.None ? null : new EnvelopeReader(mapping.Envelope, mapping.Fields.TimeSource);
        _stampsCount = mapping.Time is null;
    }

    /// <summary>Whether a message is what a device sent: of IoT Hub's own it is another kind; on a plain event hub there is none.</summary>
    public static bool IsTelemetry(RawEvent message) =>
        message.MessageSource is null || message.MessageSource.Equals("Telemetry", StringComparison.OrdinalIgnoreCase);

    /// <summary>Gives the buffers back. The decoder can be used again.</summary>
    public void Dispose()
    {
        _scratch.Dispose();
        _opened.Dispose();
        _values.BeginMessage(null);
    }

    /// <param name="message">The message.</param>
    /// <param name="eventIndex">Its index in the batch.</param>
    /// <param name="bounds">Between which times readings are stored.</param>
    /// <param name="output">Takes its readings and rejections.</param>
    public void Decode(RawEvent message, int eventIndex, in TimeBounds bounds, ref DecoderOutput output)
    {
        if (_envelopes is not null)
        {
            Unwrap(message, eventIndex, bounds, _envelopes, ref output);
        }
        else if (TryOpen(message, eventIndex, bounds, -1, ref output, out var context, out var body))
        {
            BeginMessage(output);
            _body.Decode(body, context, ref output);
        }
    }

    private void Unwrap(
        RawEvent message, int eventIndex, in TimeBounds bounds, EnvelopeReader envelopes, ref DecoderOutput output)
    {
        if (_opened.Open(message, out var text, out var detail) is { } refused)
        {
            output.Reject(new(refused, detail));
            return;
        }

        BeginMessage(output);
        _scratch.BeginMessage();
        IReadOnlyList<Unwrapped> inner;
        try
        {
            inner = envelopes.Unwrap(text, message, BodyDecoder.MostReadings);
        }
        catch (JsonException exception)
        {
            output.Reject(new(RejectReason.NotJson, BodyDecoder.NotJsonDetail(text, exception)));
            return;
        }

        if (inner.Count == 0)
        {
            output.Ignored++;
        }

        var count = 0;
        foreach (var (one, fault) in inner)
        {
            if (count == BodyDecoder.MostReadings)
            {
                BodyDecoder.RejectTooMany(ref output);
                return;
            }

            if (one is null)
            {
                output.Reject(new(RejectReason.BadEnvelope, fault!), count++);
            }
            else if (!IsTelemetry(one))
            {
                output.Ignored++;
                count++;
            }
            else if (!TryOpen(one, eventIndex, bounds, count, ref output, out var context, out var body))
            {
                count++;
            }
            else if (!_body.TryDecodePart(body, context, ref count, ref output))
            {
                return;
            }
        }

        output.Bytes += _scratch.TakenBytes;
    }

    // Faults of the whole message are found here, its time first.
    private bool TryOpen(
        RawEvent message,
        int eventIndex,
        in TimeBounds bounds,
        int elementIndex,
        ref DecoderOutput output,
        out MessageContext context,
        out ReadOnlySpan<byte> body)
    {
        context = default;
        body = default;
        ReadingFault fault = default;
        if (_stampsCount && bounds.Judge(message.RowTime, out fault) is not TimeVerdict.Accepted and var verdict)
        {
            if (verdict == TimeVerdict.Expired)
            {
                output.Ignored++;
                return false;
            }
        }
        else if (_device.TryOfHub(message, out var device, out fault))
        {
            if (_opened.Open(message, out body, out var detail) is not { } refused)
            {
                // Floored again: a key between two milliseconds could never be compared with readings of the same stamp.
                var stamp = Instant.Of(message.RowTime ?? default).FloorToMillisecond();
                context = new MessageContext(message, eventIndex, stamp, bounds, device);
                return true;
            }

            fault = new(refused, detail);
        }

        output.Reject(fault, elementIndex);
        return false;
    }

    private void BeginMessage(in DecoderOutput output)
    {
        _values.BeginMessage(_narrow?.Places ?? output.Readings);
        _narrow?.BeginMessage(output.Readings);
    }
}

/// <summary>What all readings of a message have in common.</summary>
/// <param name="Message">The message.</param>
/// <param name="EventIndex">Its index in the batch.</param>
/// <param name="Stamp">Its stamp, floored; of no meaning where the readings have a time of their own.</param>
/// <param name="Bounds">Between which times readings are stored.</param>
/// <param name="Device">Who the hub authenticated; null where it named none and the body may.</param>
internal readonly record struct MessageContext(RawEvent Message, int EventIndex, Instant Stamp, TimeBounds Bounds, string? Device);
