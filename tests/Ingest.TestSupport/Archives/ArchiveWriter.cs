using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Avro;
using Avro.File;
using Avro.Generic;

namespace Ingest.TestSupport.Archives;

/// <summary>Files as IoT Hub's message routing and Event Hubs Capture write them, made with Apache's library.</summary>
public static class ArchiveWriter
{
    private const string RoutingSchema =
        """
        {"type":"record","name":"Message","namespace":"Microsoft.Azure.Devices","fields":[
          {"name":"EnqueuedTimeUtc","type":"string"},
          {"name":"Properties","type":{"type":"map","values":"string"}},
          {"name":"SystemProperties","type":{"type":"map","values":"string"}},
          {"name":"Body","type":["null","bytes"]}]}
        """;

    private const string CaptureSchema =
        """
        {"type":"record","name":"EventData","namespace":"Microsoft.ServiceBus.Messaging","fields":[
          {"name":"SequenceNumber","type":"long"},
          {"name":"Offset","type":"string"},
          {"name":"EnqueuedTimeUtc","type":"string"},
          {"name":"SystemProperties","type":{"type":"map","values":["long","double","string","bytes"]}},
          {"name":"Properties","type":{"type":"map","values":["long","double","string","bytes","null"]}},
          {"name":"Body","type":["null","bytes"]}]}
        """;

    /// <summary>A file of IoT Hub's routing; <paramref name="blockBytes"/> after which the library begins a new block.</summary>
    public static byte[] Routed(IEnumerable<ArchivedMessage> messages, Codec.Type codec = Codec.Type.Null, int blockBytes = 16_000)
    {
        var schema = (RecordSchema)Avro.Schema.Parse(RoutingSchema);
        return Write(schema, codec, blockBytes, messages.Select(message =>
        {
            var record = new GenericRecord(schema);
            record.Add("EnqueuedTimeUtc", Iso(message.Stamp));
            record.Add("Properties", message.Properties.ToDictionary(pair => pair.Key, pair => (object)pair.Value));
            record.Add("SystemProperties", System(message).ToDictionary(pair => pair.Key, pair => (object)pair.Value));
            record.Add("Body", message.Body);
            return record;
        }));
    }

    /// <summary>
    /// A file of Event Hubs Capture; without <paramref name="annotations"/> as in 2017, when stamps were in whole seconds.
    /// </summary>
    public static byte[] Captured(
        IEnumerable<ArchivedMessage> messages, Codec.Type codec = Codec.Type.Null, bool annotations = true, int blockBytes = 16_000)
    {
        var schema = (RecordSchema)Avro.Schema.Parse(CaptureSchema);
        return Write(schema, codec, blockBytes, messages.Select((message, number) =>
        {
            var enqueued = message.Stamp + message.HubLag;
            var system = new Dictionary<string, object>();
            if (annotations)
            {
                system["iothub-enqueuedtime"] = Iso(message.Stamp);
                system["x-opt-enqueued-time"] = new DateTimeOffset(enqueued).ToUnixTimeMilliseconds();
                system["iothub-message-source"] = "Telemetry";
            }

            if (message.Device is { } device)
            {
                system["iothub-connection-device-id"] = device;
            }

            var record = new GenericRecord(schema);
            record.Add("SequenceNumber", (long)number);
            record.Add("Offset", number.ToString(CultureInfo.InvariantCulture));
            record.Add("EnqueuedTimeUtc", enqueued.ToString("M/d/yyyy h:mm:ss tt", CultureInfo.InvariantCulture));
            record.Add("SystemProperties", system);
            record.Add("Properties", message.Properties.ToDictionary(pair => pair.Key, pair => (object)pair.Value));
            record.Add("Body", message.Body);
            return record;
        }));
    }

    /// <summary>Lines of IoT Hub's routing: an object as the body where content type and encoding say so, else base64 text.</summary>
    public static byte[] Lines(IEnumerable<ArchivedMessage> messages, string end = "\n") => Encoding.UTF8.GetBytes(
        string.Concat(messages.Select(message => Line(message) + end)));

    public static string Line(ArchivedMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var isObject = message is { ContentType: "application/json", ContentEncoding: "utf-8" };
        return new JsonObject
        {
            ["EnqueuedTimeUtc"] = Iso(message.Stamp),
            ["Properties"] = JsonSerializer.SerializeToNode(message.Properties),
            ["SystemProperties"] = JsonSerializer.SerializeToNode(System(message)),
            ["Body"] = isObject ? JsonNode.Parse(message.Body) : Convert.ToBase64String(message.Body),
        }.ToJsonString();
    }

    private static Dictionary<string, string> System(ArchivedMessage message)
    {
        var system = new Dictionary<string, string>
        {
            ["connectionAuthMethod"] = """{"scope":"device","type":"sas","issuer":"iothub"}""",
            ["enqueuedTime"] = Iso(message.Stamp),
        };
        Add("connectionDeviceId", message.Device);
        Add("contentType", message.ContentType);
        Add("contentEncoding", message.ContentEncoding);
        return system;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                system[name] = value;
            }
        }
    }

    private static string Iso(DateTime stamp) => stamp.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);

    private static byte[] Write(RecordSchema schema, Codec.Type codec, int blockBytes, IEnumerable<GenericRecord> records)
    {
        using var file = new MemoryStream();
        using (var writer = DataFileWriter<GenericRecord>.OpenWriter(
            new GenericDatumWriter<GenericRecord>(schema), file, Codec.CreateCodec(codec), leaveOpen: true))
        {
            writer.SetSyncInterval(blockBytes);
            foreach (var record in records)
            {
                writer.Append(record);
            }
        }

        return file.ToArray();
    }
}
