using System.Globalization;
using System.Text;
using System.Text.Json;
using Ingest.Columns.Types;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>Reads times in one format, cut to microseconds: the same text is the same time everywhere.</summary>
/// <param name="format">How they are written.</param>
/// <param name="zone">The offset of ISO 8601 times that name none; null where they are no times then.</param>
internal sealed class TimeReader(TimeFormat format, TimeSpan? zone)
{
    // The year 9999 in microseconds since 1970: anything of more is no time in any format.
    private const decimal Furthest = 253_402_300_800_000_000m;

    /// <summary>What a time has to be, in the words of a rejection.</summary>
    public string Expected { get; } = format switch
    {
        TimeFormat.Iso8601 when zone is null => "a string with an ISO 8601 time and its offset",
        TimeFormat.Iso8601 => "a string with an ISO 8601 time",
        TimeFormat.EpochSeconds => "a number of seconds since 1970",
        TimeFormat.EpochMilliseconds => "a number of milliseconds since 1970",
        _ => "a number of microseconds since 1970",
    };

    /// <summary>Reads a time of JSON.</summary>
    public bool TryRead(in JsonToken json, ValueScratch scratch, out DateTime time)
    {
        time = default;
        if (json.Type == JsonTokenType.Number)
        {
            return format != TimeFormat.Iso8601 && TryEpoch(json.Text, out time);
        }

        if (json.Type != JsonTokenType.String)
        {
            return false;
        }

        var text = json.IsEscaped && scratch.TryUnescape(json.Text, out var unescaped) ? unescaped : json.Text;
        return TryText(text, out time);
    }

    /// <summary>Reads a time of a property or an annotation, which can be one already.</summary>
    public bool TryRead(object property, out DateTime time)
    {
        time = property switch
        {
            DateTime { Kind: DateTimeKind.Local } local => Microseconds(local.ToUniversalTime()),
            DateTime utc => Microseconds(utc),
            DateTimeOffset instant => Microseconds(instant.UtcDateTime),
            _ => default,
        };
        return property switch
        {
            DateTime or DateTimeOffset => true,
            string text => TryText(Encoding.UTF8.GetBytes(text), out time),
            long or int or short or sbyte or byte or ushort or uint or ulong or double or float or decimal =>
                format != TimeFormat.Iso8601
                && TryEpoch(Encoding.UTF8.GetBytes(((IFormattable)property).ToString(null, CultureInfo.InvariantCulture)), out time),
            _ => false,
        };
    }

    private bool TryText(ReadOnlySpan<byte> text, out DateTime time) =>
        format == TimeFormat.Iso8601 ? IsoTime.TryParse(text, zone, out time) : TryEpoch(text, out time);

    private bool TryEpoch(ReadOnlySpan<byte> text, out DateTime time)
    {
        time = default;
        if (!decimal.TryParse(
            text,
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture,
            out var number)
            || Math.Abs(number) > Furthest)
        {
            return false;
        }

        var microseconds = decimal.Floor(number * format switch
        {
            TimeFormat.EpochSeconds => 1_000_000,
            TimeFormat.EpochMilliseconds => 1_000,
            _ => 1,
        });
        var earliest = Instant.Of(DateTime.MinValue).Microseconds;
        if (microseconds < earliest || microseconds >= Furthest)
        {
            return false;
        }

        time = new Instant((long)microseconds).ToDateTime();
        return true;
    }

    private static DateTime Microseconds(DateTime time) => Instant.Of(time).ToDateTime();
}
