using Ingest.Events;

namespace Ingest.Sources.Archives.Formats;

/// <summary>The messages of an Avro file, of the schema that one of the two writers uses.</summary>
internal abstract class AvroMessages(AvroBlocks blocks, MessageContext context) : MessageReader(context)
{
    private const string Routing = "Microsoft.Azure.Devices.Message";
    private const string Capture = "Microsoft.ServiceBus.Messaging.EventData";

    private ReadOnlyMemory<byte> _block;
    private long _left;

    protected AvroType Schema => blocks.Schema;

    /// <exception cref="UnreadableFileException">The schema is of neither writer.</exception>
    public static AvroMessages Of(AvroBlocks blocks, MessageContext context)
    {
        var schema = blocks.Schema;
        switch (schema.Kind == AvroKind.Record ? schema.Name : "")
        {
            case Routing:
                Check(schema, ["EnqueuedTimeUtc", "Properties", "SystemProperties", "Body"]);
                return new RoutedAvro(blocks, context);
            case Capture:
                Check(schema, ["EnqueuedTimeUtc", "Properties", "SystemProperties", "Body"]);
                return new CaptureAvro(blocks, context);
            default:
                throw new UnreadableFileException(
                    $"its records are '{schema.Name}', and those of IoT Hub's routing are '{Routing}', those of Event Hubs Capture "
                        + $"'{Capture}'");
        }
    }

    public sealed override void Dispose() => blocks.Dispose();

    protected sealed override async ValueTask<RawEvent?> NextAsync(CancellationToken cancellationToken)
    {
        if (_left == 0)
        {
            if (_block.Length > 0)
            {
                throw new UnreadableFileException($"{_block.Length} bytes are left after the last record of a block");
            }

            if (await blocks.NextAsync(cancellationToken) is not { } block)
            {
                return null;
            }

            (_left, _block) = block;
        }

        var message = Decode(out var length);
        _left--;
        _block = _block[length..];
        return message;
    }

    /// <summary>One record.</summary>
    protected abstract RawEvent Read(ReadOnlyMemory<byte> block, ref AvroDecoder decoder);

    /// <summary>The bytes of a body, which are not copied.</summary>
    protected static ReadOnlyMemory<byte> Body(AvroType field, ReadOnlyMemory<byte> block, ref AvroDecoder decoder)
    {
        if (decoder.Branch(field).Kind == AvroKind.Null)
        {
            return default;
        }

        var (start, length) = decoder.Bytes();
        return block.Slice(start, length);
    }

    protected static Dictionary<string, object?>? Map(AvroType field, ref AvroDecoder decoder)
    {
        var type = decoder.Branch(field);
        Dictionary<string, object?>? map = null;
        if (type.Kind == AvroKind.Map)
        {
            for (var entries = decoder.Entries(); entries > 0; entries = decoder.Entries())
            {
                for (map ??= new(StringComparer.Ordinal); entries > 0; entries--)
                {
                    map[decoder.Name()] = decoder.Value(type.Types[0]);
                }
            }
        }

        return map;
    }

    private static void Check(AvroType schema, string[] fields)
    {
        foreach (var name in fields)
        {
            var index = schema.Fields.ToList().IndexOf(name);
            if (index < 0)
            {
                throw new UnreadableFileException($"its records '{schema.Name}' have no field '{name}'");
            }

            var fits = name switch
            {
                "Body" => schema.Types[index].MayBe(AvroKind.Bytes) || schema.Types[index].MayBe(AvroKind.String),
                "EnqueuedTimeUtc" => schema.Types[index].MayBe(AvroKind.String) || schema.Types[index].MayBe(AvroKind.Long),
                _ => schema.Types[index].MayBe(AvroKind.Map),
            };
            if (!fits)
            {
                throw new UnreadableFileException($"the field '{name}' of its records is of the type '{schema.Types[index].Name}'");
            }
        }
    }

    private RawEvent Decode(out int length)
    {
        var decoder = new AvroDecoder(_block.Span, Context.Names);
        var message = Read(_block, ref decoder);
        length = decoder.Position;
        return message;
    }
}

/// <summary>What IoT Hub's message routing writes.</summary>
internal sealed class RoutedAvro(AvroBlocks blocks, MessageContext context) : AvroMessages(blocks, context)
{
    protected override RawEvent Read(ReadOnlyMemory<byte> block, ref AvroDecoder decoder)
    {
        var message = new RoutedMessage();
        for (var index = 0; index < Schema.Types.Count; index++)
        {
            var field = Schema.Types[index];
            switch (Schema.Fields[index])
            {
                case "EnqueuedTimeUtc":
                    message.EnqueuedTime = decoder.Time(field);
                    break;
                case "Properties":
                    message.Properties = Map(field, ref decoder);
                    break;
                case "SystemProperties":
                    SetAll(ref message, field, ref decoder);
                    break;
                case "Body":
                    message.Body = Body(field, block, ref decoder);
                    break;
                default:
                    decoder.Skip(field);
                    break;
            }
        }

        return ToEvent(message.ToSystem(Context), message.Body, message.Properties);
    }

    private static void SetAll(ref RoutedMessage message, AvroType field, ref AvroDecoder decoder)
    {
        var type = decoder.Branch(field);
        if (type.Kind != AvroKind.Map)
        {
            decoder.Skip(type);
            return;
        }

        for (var entries = decoder.Entries(); entries > 0; entries = decoder.Entries())
        {
            for (; entries > 0; entries--)
            {
                var name = decoder.Name();
                if (name == RoutedMessage.Stamp)
                {
                    message.Set(name, decoder.Time(type.Types[0]));
                }
                else if (RoutedMessage.Wants(name))
                {
                    message.Set(name, decoder.Value(type.Types[0], repeats: name != "messageId"));
                }
                else
                {
                    decoder.Skip(type.Types[0]);
                }
            }
        }
    }
}

/// <summary>What Event Hubs Capture writes.</summary>
internal sealed class CaptureAvro(AvroBlocks blocks, MessageContext context) : AvroMessages(blocks, context)
{
    protected override RawEvent Read(ReadOnlyMemory<byte> block, ref AvroDecoder decoder)
    {
        object? enqueued = null;
        Dictionary<string, object?>? annotations = null;
        Dictionary<string, object?>? properties = null;
        ReadOnlyMemory<byte> body = default;
        for (var index = 0; index < Schema.Types.Count; index++)
        {
            var field = Schema.Types[index];
            switch (Schema.Fields[index])
            {
                case "EnqueuedTimeUtc":
                    enqueued = decoder.Value(field);
                    break;
                case "SystemProperties":
                    annotations = Map(field, ref decoder);
                    break;
                case "Properties":
                    properties = Map(field, ref decoder);
                    break;
                case "Body":
                    body = Body(field, block, ref decoder);
                    break;
                default:
                    decoder.Skip(field);
                    break;
            }
        }

        return ToEvent(System(enqueued, annotations), body, properties, Mapped(annotations));
    }

    private Dictionary<string, object?>? Mapped(Dictionary<string, object?>? annotations) =>
        Context.Fields.Annotations.Count == 0 || annotations is null
            ? null
            : annotations.Where(annotation => Context.Fields.Annotations.Contains(annotation.Key)).ToDictionary(
                StringComparer.OrdinalIgnoreCase);

    private SystemProperties System(object? enqueued, Dictionary<string, object?>? annotations)
    {
        // The field is in whole seconds, the annotation in milliseconds: it must be the last to be set.
        var system = new SystemProperties();
        system.Set("EnqueuedTimeUtc", enqueued);
        var exact = false;
        foreach (var (name, value) in annotations ?? [])
        {
            if (EventHubs.EventMapping.IsSystemAnnotation(name) || name is "content-type" or "content-encoding" or "message-id")
            {
                system.Set(name, value);
                exact |= value is not null
                    && (name == "x-opt-enqueued-time"
                        || (name == "iothub-enqueuedtime" && Context.Fields.TimeSource == Ingest.Settings.TimeSource.IotHub));
            }
        }

        return exact || Context.AcceptOtherStamps
            ? system
            : throw new OtherStampsException(
                "this file of Event Hubs Capture has no annotation with the stamp, and its EnqueuedTimeUtc is in whole seconds");
    }
}
