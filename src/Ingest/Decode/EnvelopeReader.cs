using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>A message that was inside an envelope, or why there is none.</summary>
/// <param name="Message">The message; null where there is none.</param>
/// <param name="Fault">Why, as a sentence.</param>
internal readonly record struct Unwrapped(RawEvent? Message, string? Fault);

/// <summary>
/// Takes device messages out of what routing, Event Grid and functions put around them. What an envelope says of device and stamp counts
/// only where the hub gave none: a hub's annotations cannot be forged.
/// </summary>
internal sealed class EnvelopeReader(Envelope envelope, TimeSource timeSource)
{
    private const string TelemetryType = "Microsoft.Devices.DeviceTelemetry";
    private const string IotHubTypes = "Microsoft.Devices.";
    private const string SubjectPrefix = "devices/";

    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = int.MaxValue, AllowMultipleValues = true };

    /// <summary>The messages inside <paramref name="text"/>, at most one more than <paramref name="most"/>.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public IReadOnlyList<Unwrapped> Unwrap(ReadOnlySpan<byte> text, RawEvent message, int most)
    {
        List<Unwrapped> messages = [];
        var reader = new Utf8JsonReader(text, ReaderOptions);
        while (reader.Read())
        {
            using var document = JsonDocument.ParseValue(ref reader);
            IEnumerable<JsonElement> events = document.RootElement.ValueKind == JsonValueKind.Array
                ? document.RootElement.EnumerateArray()
                : [document.RootElement];
            messages.AddRange(events.Take(most + 1 - messages.Count).Select(one => Open(one, message)));
        }

        return messages;
    }

    private Unwrapped Open(JsonElement value, RawEvent message)
    {
        var parts = Members(value);
        var (body, isText) = envelope == Envelope.IoTHubRouting ? (parts.Find("Body"), true)
            : parts.Find("data") is { } data ? (data, false)
            : (parts.Find("data_base64"), true);
        if (body is null)
        {
            return new(null, $"It is no envelope of {envelope} (Telemetry:Envelope): {Wanted} is not there.");
        }

        var system = new SystemProperties();
        var properties = parts.Find("Properties");
        if (envelope == Envelope.IoTHubRouting)
        {
            system.Set("enqueuedTime", Text(parts.Find("EnqueuedTimeUtc")));
            Take(parts.Find("SystemProperties"), ref system);
        }
        else if (Members(body.Value) is var inner && inner.Find("systemProperties") is { } systemProperties
            && inner.Find("body") is { } innerBody)
        {
            (body, isText, properties) = (innerBody, true, inner.Find("properties"));
            Take(systemProperties, ref system);
        }

        var type = Text(parts.Find(envelope == Envelope.EventGrid ? "eventType" : "type"));
        if (Bytes(body.Value, isText) is not { } bytes)
        {
            return new(null, $"The body in the envelope of {envelope} is text and no base64.");
        }

        var isOther = type?.StartsWith(IotHubTypes, StringComparison.Ordinal) == true && type != TelemetryType;
        return new(
            Inner(message, system, isOther ? type : system.MessageSource, parts, bytes, properties), null);
    }

    private string Wanted => envelope == Envelope.IoTHubRouting ? "Body" : envelope == Envelope.EventGrid ? "data" : "data or data_base64";

    private RawEvent Inner(
        RawEvent message, in SystemProperties system, string? source, Parts parts, byte[] body, JsonElement? properties)
    {
        var sent = SystemProperties.ToTime(Text(parts.Find("eventTime") ?? parts.Find("time")));
        var stamp = timeSource == TimeSource.IotHub && !message.IsStampedByIotHub ? system.Stamp(TimeSource.IotHub) : null;
        var subject = Text(parts.Find("subject"));
        return new RawEvent
        {
            Hub = message.Hub,
            Partition = message.Partition,
            Offset = message.Offset,
            SequenceNumber = message.SequenceNumber,
            RowTime = stamp ?? message.RowTime ?? sent,
            EnqueuedTime = message.EnqueuedTime,
            DeviceId = !string.IsNullOrEmpty(message.DeviceId) ? message.DeviceId
                : system.DeviceId
                    ?? (subject?.StartsWith(SubjectPrefix, StringComparison.Ordinal) == true ? subject[SubjectPrefix.Length..] : null),
            ModuleId = message.ModuleId ?? system.ModuleId,
            MessageSource = source ?? message.MessageSource,
            ContentEncoding = system.ContentEncoding,
            MessageId = message.MessageId ?? system.MessageId,
            Properties = message.Properties.Count > 0 || properties is null ? message.Properties : TextsOf(properties.Value),
            Annotations = message.Annotations,
            Body = body,
        };
    }

    private static void Take(JsonElement? properties, ref SystemProperties system)
    {
        if (properties is { } given)
        {
            foreach (var (name, value) in TextsOf(given))
            {
                system.Set(name == "iothub-content-encoding" ? "content-encoding" : name, value);
            }
        }
    }

    // IoT Hub writes the body as JSON if the device declared it as JSON, otherwise as base64.
    private static byte[]? Bytes(JsonElement body, bool isText)
    {
        if (!isText || body.ValueKind != JsonValueKind.String)
        {
            return JsonMarshal.GetRawUtf8Value(body).ToArray();
        }

        var text = Text(body) ?? "-";
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }

    private static Dictionary<string, object?> TextsOf(JsonElement properties)
    {
        var texts = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in Members(properties).All)
        {
            texts[name] = Text(value);
        }

        return texts;
    }

    private static string? Text(JsonElement? value) => value switch
    {
        null or { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.String } text => Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(text)[1..^1]) is var raw
            && raw.Contains('\\', StringComparison.Ordinal) ? Unescaped(raw) : raw,
        { } other => other.GetRawText(),
    };

    private static string? Unescaped(string raw)
    {
        var escaped = Encoding.UTF8.GetBytes(raw);
        var text = new byte[escaped.Length];
        return Columns.JsonEscapes.TryUnescape(escaped, text, out var length) ? Encoding.UTF8.GetString(text, 0, length) : null;
    }

    // Unescaped: an escape can be half of a surrogate pair, which no string can hold. The last of repeated names counts.
    private static Parts Members(JsonElement value) => new(value.ValueKind == JsonValueKind.Object
        ? [.. value.EnumerateObject().Select(
            member => (Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName(member)), member.Value))]
        : []);

    private readonly record struct Parts(IReadOnlyList<(string Name, JsonElement Value)> All)
    {
        public JsonElement? Find(string name)
        {
            JsonElement? found = null;
            foreach (var (other, value) in All)
            {
                found = other == name ? value : found;
            }

            return found;
        }
    }
}
