using System.Text.Json;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Decode.Places;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>Where a message has the time of its device, and how it is read.</summary>
/// <param name="From">The place.</param>
/// <param name="Reader">How it is read.</param>
/// <param name="Without">What becomes of a reading without it.</param>
internal sealed record DeviceTime(Place From, TimeReader Reader, WithoutTime Without);

/// <summary>
/// When a reading was: the hub's stamp, or the device's own time, floored to the millisecond and bounded like a stamp. Not thread-safe.
/// </summary>
internal sealed class TimeRule(DeviceTime? own, ValueScratch scratch)
{
    private JsonSlice _inBody;

    public void BeginReading() => _inBody = default;

    /// <summary>Takes the value of the place that names the time; the last of repeated names counts.</summary>
    public void Take(JsonSlice value) => _inBody = value;

    /// <summary>Settles when the reading was.</summary>
    public TimeVerdict Settle(
        ReadOnlySpan<byte> body, in MessageContext context, bool countsOnly, out Instant stamp, out ReadingFault fault)
    {
        stamp = context.Stamp;
        if (TryRead(body, context.Message, out var time, out var shown))
        {
            stamp = Instant.Of(time).FloorToMillisecond();
            return context.Bounds.Judge(stamp.ToDateTime(), own!.From.ToString(), countsOnly, out fault);
        }

        if (own!.Without == WithoutTime.Stamp)
        {
            return context.Bounds.Judge(context.Message.RowTime, out fault);
        }

        var place = own.From.ToString();
        fault = new(
            RejectReason.TimeMissing,
            countsOnly ? ""
                : shown is null ? $"{place} is missing, and the time of the reading is there (Telemetry:TimeSource)."
                : $"{place} is {shown}, where {own.Reader.Expected} is expected (Telemetry:TimeFormat).");
        return TimeVerdict.Rejected;
    }

    private bool TryRead(ReadOnlySpan<byte> body, RawEvent message, out DateTime time, out string? shown)
    {
        time = default;
        shown = null;
        if (own!.From.Kind != PlaceKind.Body)
        {
            if (MessageFields.Find(message, own.From) is not { } value)
            {
                return false;
            }

            shown = RejectionText.Value(value);
            return own.Reader.TryRead(value, out time);
        }

        if (_inBody.Length == 0)
        {
            return false;
        }

        var reader = _inBody.Read(body);
        if (reader.TokenType == JsonTokenType.Null)
        {
            return false;
        }

        shown = RejectionText.Value(_inBody.Of(body));
        return own.Reader.TryRead(new JsonToken(reader.TokenType, reader.ValueSpan, reader.ValueIsEscaped), scratch, out time);
    }
}
