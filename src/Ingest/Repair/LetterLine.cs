using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Ingest.DeadLetters;

namespace Ingest.Repair;

/// <summary>
/// A dead letter as one line of JSON: what a person mends, and what is read back of it. The body stands in it as JSON (<c>body</c>) where
/// it is JSON, else as text (<c>bodyText</c>), else in base64 (<c>bodyBase64</c>).
/// </summary>
internal sealed class LetterLine
{
    private const string BodyName = "body";
    private const string TextName = "bodyText";
    private const string Base64Name = "bodyBase64";

    // What says of a letter why it is there. It is not read back.
    private static readonly string[] ForReaders =
        ["reason", "detail", "module", "hub", "partition", "sequenceNumber", "offset", "messageId", "messageSource", "receivedAt"];

    private static readonly string[] Bodies = [BodyName, TextName, Base64Name];

    private static readonly JsonDocumentOptions ReadOptions = new() { MaxDepth = 256 };

    public required byte[] Key { get; init; }

    /// <summary>The stamp; null where the line has none.</summary>
    public DateTime? Time { get; init; }

    public string? Device { get; init; }

    /// <summary>Which reading of the body; null where the line does not say.</summary>
    public int? Element { get; init; }

    public string? ContentType { get; init; }

    public string? ContentEncoding { get; init; }

    public string Properties { get; init; } = "{}";

    /// <summary>As JSON; null where the line has none.</summary>
    public string? Annotations { get; init; }

    public required byte[] Body { get; init; }

    /// <summary>The line of a letter, with its end. Nothing but ASCII: no terminal obeys it.</summary>
    public static byte[] Write(StoredDeadLetter letter)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("key", Convert.ToHexStringLower(letter.Key));
            writer.WriteString("reason", letter.Reason);
            writer.WriteString("detail", letter.Detail);
            writer.WriteString("time", letter.Time?.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteString("device", letter.Device);
            writer.WriteString("module", letter.Module);
            writer.WriteNumber("element", letter.Element);
            writer.WriteString("hub", letter.Hub);
            writer.WriteString("partition", letter.Partition);
            writer.WritePropertyName("sequenceNumber");
            JsonSerializer.Serialize(writer, letter.SequenceNumber);
            writer.WriteString("offset", letter.Offset);
            writer.WriteString("messageId", letter.MessageId);
            writer.WriteString("messageSource", letter.MessageSource);
            writer.WriteString("receivedAt", letter.ReceivedAt.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteString("contentType", letter.ContentType);
            writer.WriteString("contentEncoding", letter.ContentEncoding);
            WriteJson(writer, "properties", letter.Properties);
            if (letter.Annotations is { } annotations)
            {
                WriteJson(writer, "annotations", annotations);
            }

            WriteBody(writer, letter.Body);
            writer.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a line.</summary>
    /// <exception cref="FormatException">It is no letter; the message says why.</exception>
    public static LetterLine Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, ReadOptions);
            return Read(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new FormatException($"it is no JSON from byte {exception.BytePositionInLine} on", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException("a text in it holds half of a surrogate pair, which is no character", exception);
        }
    }

    private static LetterLine Read(JsonElement line)
    {
        if (line.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it is no JSON object");
        }

        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in line.EnumerateObject())
        {
            if (!ForReaders.Contains(member.Name) && !members.TryAdd(member.Name, member.Value))
            {
                throw new FormatException($"it has {member.Name} twice");
            }
        }

        var read = new LetterLine
        {
            Key = KeyOf(Text(members, "key")),
            Time = Text(members, "time") is { } time ? TimeOf(time) : null,
            Device = Text(members, "device"),
            Element = ElementOf(members),
            ContentType = Text(members, "contentType"),
            ContentEncoding = Text(members, "contentEncoding"),
            Properties = ObjectOf(members, "properties") ?? "{}",
            Annotations = ObjectOf(members, "annotations"),
            Body = BodyOf(members),
        };
        return members.Count == 0 ? read : throw new FormatException($"it has {members.Keys.First()}, which no letter has");
    }

    private static byte[] KeyOf(string? key)
    {
        try
        {
            return key is { Length: > 0 } ? Convert.FromHexString(key) : throw new FormatException("it has no key");
        }
        catch (FormatException exception) when (key is { Length: > 0 })
        {
            throw new FormatException($"its key '{key}' is not hexadecimal", exception);
        }
    }

    private static DateTime TimeOf(string text) =>
        DateTime.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new FormatException($"its time '{text}' is none like 2026-03-01T08:00:00.123Z");

    private static int? ElementOf(Dictionary<string, JsonElement> members)
    {
        if (!members.Remove("element", out var value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var element)
            ? element
            : throw new FormatException("its element is no whole number");
    }

    private static string? ObjectOf(Dictionary<string, JsonElement> members, string name)
    {
        if (!members.Remove(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Object ? value.GetRawText() : throw new FormatException($"its {name} are no JSON object");
    }

    private static byte[] BodyOf(Dictionary<string, JsonElement> members)
    {
        var given = Bodies.Where(members.ContainsKey).ToArray();
        if (given is not [var name])
        {
            throw new FormatException($"it has {(given.Length == 0 ? "none" : "several")} of body, bodyText and bodyBase64");
        }

        members.Remove(name, out var body);
        if (name == BodyName)
        {
            return JsonMarshal.GetRawUtf8Value(body).ToArray();
        }

        var text = body.ValueKind == JsonValueKind.String ? body.GetString()! : throw new FormatException($"its {name} is no text");
        if (name == TextName)
        {
            return Encoding.UTF8.GetBytes(text);
        }

        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length)
            ? bytes[..length]
            : throw new FormatException("its bodyBase64 is no base64");
    }

    private static string? Text(Dictionary<string, JsonElement> members, string name)
    {
        if (!members.Remove(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw new FormatException($"its {name} is no text");
    }

    private static void WriteBody(Utf8JsonWriter writer, byte[] body)
    {
        if (TryCompact(body) is { } json)
        {
            writer.WritePropertyName(BodyName);
            writer.WriteRawValue(json);
        }
        else if (System.Text.Unicode.Utf8.IsValid(body))
        {
            writer.WriteString(TextName, body);
        }
        else
        {
            writer.WriteBase64String(Base64Name, body);
        }
    }

    private static void WriteJson(Utf8JsonWriter writer, string name, string json)
    {
        using var document = JsonDocument.Parse(json);
        writer.WritePropertyName(name);
        document.RootElement.WriteTo(writer);
    }

    // One value, on one line, its numbers and names as they are. Null where it is none, or an escape in it is half of a surrogate pair.
    private static byte[]? TryCompact(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var buffer = new ArrayBufferWriter<byte>(body.Length);
            using (var writer = new Utf8JsonWriter(buffer))
            {
                document.RootElement.WriteTo(writer);
            }

            return buffer.WrittenSpan.ToArray();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
