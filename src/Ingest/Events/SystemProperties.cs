using System.Globalization;
using System.Text;
using Ingest.Settings;

namespace Ingest.Events;

/// <summary>
/// What a hub says about one message, gathered by name from wherever the message comes from: AMQP annotations and properties, an
/// <c>EventData</c>'s system properties, or an archive's record. Values are taken by what they mean and not by their CLR type, because the
/// same annotation arrives as a <c>DateTime</c> from one client, as a <c>DateTimeOffset</c> from another and as text from an archive.
/// </summary>
/// <remarks>
/// A mutable value type, to be filled and turned into a <see cref="RawEvent"/> in one method; it allocates nothing itself. A time is read
/// from
/// <c>DateTime</c> (UTC unless it says that it is local), <c>DateTimeOffset</c>, a number of Unix milliseconds, or text: ISO 8601, Unix
/// milliseconds, or the invariant culture's form, in UTC where it names no offset.
/// </remarks>
public struct SystemProperties
{
    private DateTime? _iotHubTime;
    private bool _iotHubTimeGiven;

    /// <summary>See <see cref="RawEvent.Offset"/>.</summary>
    public string? Offset { get; private set; }

    /// <summary>See <see cref="RawEvent.SequenceNumber"/>.</summary>
    public long? SequenceNumber { get; private set; }

    /// <summary>See <see cref="RawEvent.EnqueuedTime"/>.</summary>
    public DateTime? EnqueuedTime { get; private set; }

    /// <summary>See <see cref="RawEvent.DeviceId"/>.</summary>
    public string? DeviceId { get; private set; }

    /// <summary>See <see cref="RawEvent.ModuleId"/>.</summary>
    public string? ModuleId { get; private set; }

    /// <summary>See <see cref="RawEvent.MessageSource"/>.</summary>
    public string? MessageSource { get; private set; }

    /// <summary>See <see cref="RawEvent.ContentType"/>.</summary>
    public string? ContentType { get; private set; }

    /// <summary>See <see cref="RawEvent.ContentEncoding"/>.</summary>
    public string? ContentEncoding { get; private set; }

    /// <summary>See <see cref="RawEvent.MessageId"/>.</summary>
    public string? MessageId { get; private set; }

    /// <summary>
    /// Takes one property by its name: an annotation or AMQP property of the built-in endpoint (<c>iothub-enqueuedtime</c>,
    /// <c>x-opt-offset</c>, <c>content-type</c>, …), a system key of a routed archive (<c>enqueuedTime</c>, <c>connectionDeviceId</c>, …)
    /// or a field of a Capture record (<c>SequenceNumber</c>, <c>Offset</c>, <c>EnqueuedTimeUtc</c>). Names are case-sensitive.
    /// </summary>
    /// <returns>False where the name is none of these; the property is then left alone.</returns>
    public bool Set(string name, object? value)
    {
        switch (name)
        {
            case "iothub-enqueuedtime" or "enqueuedTime":
                _iotHubTimeGiven = value is not null;
                _iotHubTime = ToTime(value);
                return true;
            case "x-opt-enqueued-time" or "EnqueuedTimeUtc":
                EnqueuedTime = ToTime(value);
                return true;
            case "x-opt-offset" or "Offset":
                Offset = ToText(value);
                return true;
            case "x-opt-sequence-number" or "SequenceNumber":
                SequenceNumber = ToWholeNumber(value);
                return true;
            case "iothub-connection-device-id" or "connectionDeviceId":
                DeviceId = ToText(value);
                return true;
            case "iothub-connection-module-id" or "connectionModuleId":
                ModuleId = ToText(value);
                return true;
            case "iothub-message-source" or "messageSource":
                MessageSource = ToText(value);
                return true;
            case "content-type" or "contentType":
                ContentType = ToText(value);
                return true;
            case "content-encoding" or "contentEncoding":
                ContentEncoding = ToText(value);
                return true;
            case "message-id" or "messageId":
                MessageId = ToText(value);
                return true;
            default:
                return false;
        }
    }

    /// <summary>
    /// The row's time: the stamp that <paramref name="source"/> names, in UTC, floored to the millisecond. Null where that stamp is absent
    /// or cannot be read. <see cref="TimeSource.IotHub"/> falls back on the event hub's stamp only where IoT Hub gave none at all, and
    /// <see cref="TimeSource.EventHub"/> on nothing: a reading stored under the other stamp would be stored a second time in a replay.
    /// </summary>
    public readonly DateTime? Stamp(TimeSource source) => Floor(source switch
    {
        TimeSource.IotHub => _iotHubTimeGiven ? _iotHubTime : EnqueuedTime,
        TimeSource.EventHub => EnqueuedTime,
        _ => throw new ArgumentOutOfRangeException(nameof(source), source, "A time source without a stamp"),
    });

    /// <summary>The message, stamped by <paramref name="source"/>.</summary>
    /// <param name="hub">See <see cref="RawEvent.Hub"/>.</param>
    /// <param name="partition">See <see cref="RawEvent.Partition"/>.</param>
    /// <param name="source">Which stamp is the row's time (<see cref="TelemetrySettings.TimeSource"/>).</param>
    /// <param name="body">See <see cref="RawEvent.Body"/>.</param>
    /// <param name="properties">The application properties; null for none.</param>
    /// <param name="annotations">See <see cref="RawEvent.Annotations"/>; null for none.</param>
    /// <param name="undecodable">See <see cref="RawEvent.Undecodable"/>.</param>
    public readonly RawEvent ToEvent(
        string hub,
        string partition,
        TimeSource source,
        ReadOnlyMemory<byte> body,
        IReadOnlyDictionary<string, object?>? properties = null,
        IReadOnlyDictionary<string, object?>? annotations = null,
        string? undecodable = null) => new()
        {
            Hub = hub,
            Partition = partition,
            Offset = Offset,
            SequenceNumber = SequenceNumber,
            RowTime = Stamp(source),
            IsStampedByIotHub = _iotHubTimeGiven,
            EnqueuedTime = EnqueuedTime,
            DeviceId = DeviceId,
            ModuleId = ModuleId,
            MessageSource = MessageSource,
            ContentType = ContentType,
            ContentEncoding = ContentEncoding,
            MessageId = MessageId,
            Properties = properties ?? RawEvent.NoProperties,
            Annotations = annotations ?? RawEvent.NoProperties,
            Undecodable = undecodable,
            Body = body,
        };

    /// <summary>A time in UTC from whatever a hub or an archive gives for one (see the remarks of the type), or null.</summary>
    public static DateTime? ToTime(object? value) => value switch
    {
        null => null,
        DateTime { Kind: DateTimeKind.Local } time => time.ToUniversalTime(),
        DateTime time => DateTime.SpecifyKind(time, DateTimeKind.Utc),
        DateTimeOffset time => time.UtcDateTime,
        string text => ParseTime(text),
        byte[] bytes => ParseTime(Encoding.UTF8.GetString(bytes)),
        _ => ToWholeNumber(value) is { } milliseconds ? FromUnixMilliseconds(milliseconds) : null,
    };

    /// <summary>A whole number from any integer type, a floating-point number without a fraction, or decimal digits; or null.</summary>
    public static long? ToWholeNumber(object? value) => value switch
    {
        long number => number,
        int number => number,
        uint number => number,
        ulong number => number <= long.MaxValue ? (long)number : null,
        short number => number,
        ushort number => number,
        byte number => number,
        sbyte number => number,
        double number => WholeDouble(number),
        float number => WholeDouble(number),
        string text => ParseWholeNumber(text),
        byte[] bytes => ParseWholeNumber(Encoding.UTF8.GetString(bytes)),
        _ => null,
    };

    /// <summary>
    /// The text of an identifier of any type AMQP allows for one: text as it is, a GUID in lower case with hyphens, a number in decimal
    /// digits, binary as the UTF-8 text it holds, else in hexadecimal.
    /// </summary>
    public static string? ToText(object? value) => value switch
    {
        null => null,
        string text => text,
        byte[] bytes => BinaryText(bytes),
        ReadOnlyMemory<byte> bytes => BinaryText(bytes.Span),
        ArraySegment<byte> bytes => BinaryText(bytes),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static DateTime? Floor(DateTime? time) =>
        time is { } value ? Instant.Of(value).FloorToMillisecond().ToDateTime() : null;

    // NoCurrentDateDefault: a time of day alone must not become a time of today.
    private static DateTime? ParseTime(string text) =>
        ParseWholeNumber(text) is { } milliseconds ? FromUnixMilliseconds(milliseconds)
        : DateTime.TryParse(
            text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal | DateTimeStyles.AllowWhiteSpaces
                | DateTimeStyles.NoCurrentDateDefault,
            out var time) && time.Year > 1 ? time
        : null;

    private static DateTime? FromUnixMilliseconds(long milliseconds)
    {
        var earliest = (DateTime.MinValue - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond;
        var latest = (DateTime.MaxValue - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond;
        return milliseconds >= earliest && milliseconds <= latest
            ? DateTime.UnixEpoch.AddTicks(milliseconds * TimeSpan.TicksPerMillisecond)
            : null;
    }

    private static long? ParseWholeNumber(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static long? WholeDouble(double number) =>
        Math.Truncate(number) == number && number is >= long.MinValue and < 9_223_372_036_854_775_808d ? (long)number : null;

    private static string BinaryText(ReadOnlySpan<byte> bytes) =>
        System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : Convert.ToHexStringLower(bytes);
}
