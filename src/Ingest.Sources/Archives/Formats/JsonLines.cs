using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Ingest.Events;

namespace Ingest.Sources.Archives.Formats;

/// <summary>What IoT Hub's message routing writes as JSON: a message a line.</summary>
internal sealed class JsonLines(FileBytes bytes, MessageContext context) : MessageReader(context)
{
    // A message has 256 KiB, and four thirds of that as base64 text; its properties count with it.
    private const int LongestLineBytes = 16 * 1024 * 1024;

    // A body may nest as deep as it likes: decoding says what is too deep.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 10_000 };

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Whether lines of JSON begin here; null where nothing but white space is left.</summary>
    public static async Task<bool?> IsNextAsync(FileBytes bytes, CancellationToken cancellationToken)
    {
        if (await bytes.HaveAsync(ByteOrderMark.Length, cancellationToken) && bytes.Ahead.StartsWith(ByteOrderMark))
        {
            bytes.Take(ByteOrderMark.Length);
        }

        do
        {
            bytes.Take(bytes.Ahead.Length - bytes.Ahead.TrimStart(" \t\r\n"u8).Length);
        }
        while (bytes.Ahead.IsEmpty && await bytes.ReadAheadAsync(cancellationToken));

        return bytes.Ahead.IsEmpty ? null : bytes.Ahead[0] == '{';
    }

    public override void Dispose()
    {
        // The bytes are the file's.
    }

    protected override async ValueTask<RawEvent?> NextAsync(CancellationToken cancellationToken)
    {
        while (await LineAsync(cancellationToken) is { } line)
        {
            if (!line.AsSpan().Trim(" \t\r"u8).IsEmpty)
            {
                return Read(line);
            }
        }

        return null;
    }

    // Without its end; the last one may have none.
    private async ValueTask<byte[]?> LineAsync(CancellationToken cancellationToken)
    {
        var searched = 0;
        int length;
        while ((length = bytes.Ahead[searched..].IndexOf((byte)'\n')) < 0)
        {
            searched = bytes.Ahead.Length;
            if (searched > LongestLineBytes)
            {
                throw new UnreadableFileException($"a line of more than {LongestLineBytes} bytes");
            }

            if (!await bytes.ReadAheadAsync(cancellationToken))
            {
                return searched == 0 ? null : await bytes.TakeAsync(searched, cancellationToken);
            }
        }

        var line = await bytes.TakeAsync(searched + length, cancellationToken);
        bytes.Take(1);
        return line;
    }

    private RawEvent Read(byte[] line)
    {
        try
        {
            var message = new RoutedMessage();
            var (body, token) = ((Range?)null, JsonTokenType.Null);
            var reader = new Utf8JsonReader(line, Options);
            Expect(ref reader, JsonTokenType.StartObject);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = Context.Names.Of(reader.ValueSpan);
                reader.Read();
                switch (name)
                {
                    case "EnqueuedTimeUtc":
                        message.EnqueuedTime = Time(ref reader);
                        break;
                    case "Properties":
                        message.Properties = Map(ref reader);
                        break;
                    case "SystemProperties":
                        SetAll(ref message, ref reader);
                        break;
                    case "Body":
                        token = reader.TokenType;
                        body = Skipped(ref reader);
                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }

            if (reader.Read())
            {
                throw new UnreadableFileException("more than one value in its line");
            }

            var system = message.ToSystem(Context);
            if (body is null || (message.EnqueuedTime is null && system.EnqueuedTime is null))
            {
                throw new UnreadableFileException("it has no 'Body' or no 'EnqueuedTimeUtc': IoT Hub's routing did not write it");
            }

            message.Body = Body(line.AsMemory(body.Value), token, message);
            return ToEvent(system, message.Body, message.Properties);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw new UnreadableFileException($"its line is no JSON to its end: {exception.Message}", exception);
        }
    }

    // A JSON body stands as it is; any other is base64 text. A JSON body that is a string looks like one: it is taken for text only where
    // it is no base64.
    private static ReadOnlyMemory<byte> Body(ReadOnlyMemory<byte> json, JsonTokenType token, in RoutedMessage message)
    {
        if (token != JsonTokenType.String)
        {
            return token == JsonTokenType.Null && !IsJson(message) ? default : json;
        }

        var text = json[1..^1];
        if (text.Span.Contains((byte)'\\'))
        {
            var reader = new Utf8JsonReader(json.Span);
            reader.Read();
            text = Encoding.UTF8.GetBytes(reader.GetString()!);
        }

        var decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        return Base64.DecodeFromUtf8(text.Span, decoded, out _, out var length) == System.Buffers.OperationStatus.Done
            ? decoded.AsMemory(0, length)
            : IsJson(message) ? json
            : throw new UnreadableFileException("its body is text that is no base64");
    }

    private static bool IsJson(in RoutedMessage message) =>
        message.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) == true
            && string.Equals(message.ContentEncoding, "utf-8", StringComparison.OrdinalIgnoreCase);

    private Dictionary<string, object?>? Map(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        Expect(reader.TokenType, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.ValueIsEscaped ? reader.GetString()! : Context.Names.Of(reader.ValueSpan);
            reader.Read();
            map[name] = Value(ref reader);
        }

        return map;
    }

    private void SetAll(ref RoutedMessage message, ref Utf8JsonReader reader)
    {
        Expect(reader.TokenType, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Context.Names.Of(reader.ValueSpan);
            reader.Read();
            if (name == RoutedMessage.Stamp)
            {
                message.Set(name, Time(ref reader));
            }
            else if (RoutedMessage.Wants(name))
            {
                message.Set(name, Value(ref reader, repeats: name != "messageId"));
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private object? Time(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped ? ArchivedTime.Of(reader.ValueSpan) : Value(ref reader);

    private object? Value(ref Utf8JsonReader reader, bool repeats = false)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return repeats && !reader.ValueIsEscaped ? Context.Names.Of(reader.ValueSpan) : reader.GetString();
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var whole) ? whole : reader.GetDouble();
            case JsonTokenType.True or JsonTokenType.False:
                return reader.GetBoolean();
            default:
                reader.Skip();
                return null;
        }
    }

    private static Range Skipped(ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return start..(int)reader.BytesConsumed;
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        reader.Read();
        Expect(reader.TokenType, type);
    }

    private static void Expect(JsonTokenType token, JsonTokenType type)
    {
        if (token != type)
        {
            throw new JsonException($"{token} where {type} should be.");
        }
    }
}
