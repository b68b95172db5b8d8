using System.Text.Json;

namespace Ingest.Sources.Archives.Formats;

/// <summary>Reads the schema in a file's header.</summary>
internal sealed class AvroSchema
{
    private readonly Dictionary<string, AvroType> _named = new(StringComparer.Ordinal);

    private AvroSchema()
    {
    }

    /// <exception cref="UnreadableFileException">It is no schema; the message says why.</exception>
    public static AvroType Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return new AvroSchema().Type(document.RootElement, space: "");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw new UnreadableFileException($"its schema cannot be read: {exception.Message}", exception);
        }
    }

    private AvroType Type(JsonElement schema, string space) => schema.ValueKind switch
    {
        JsonValueKind.String => Named(schema.GetString()!, space),
        JsonValueKind.Array => new AvroType(AvroKind.Union, "union")
        {
            Types = [.. schema.EnumerateArray().Select(branch => Type(branch, space))],
        },
        JsonValueKind.Object => Described(schema, space),
        _ => throw new UnreadableFileException($"its schema cannot be read: {schema.ValueKind} where a type should be"),
    };

    private AvroType Described(JsonElement schema, string space)
    {
        var type = Member(schema, "type");
        if (type.ValueKind != JsonValueKind.String)
        {
            return Type(type, space);
        }

        switch (type.GetString())
        {
            case "array":
                return new AvroType(AvroKind.Array, "array") { Types = [Type(Member(schema, "items"), space)] };
            case "map":
                return new AvroType(AvroKind.Map, "map") { Types = [Type(Member(schema, "values"), space)] };
            case "record" or "error":
                var record = Keep(new AvroType(AvroKind.Record, NameOf(schema, space)));
                var inner = record.Name.LastIndexOf('.') is > 0 and var dot ? record.Name[..dot] : "";
                var fields = Member(schema, "fields").EnumerateArray().ToList();
                record.Fields = [.. fields.Select(field => Member(field, "name").GetString() ?? "")];
                record.Types = [.. fields.Select(field => Type(Member(field, "type"), inner))];
                return record;
            case "enum":
                return Keep(new AvroType(AvroKind.Enum, NameOf(schema, space)));
            case "fixed":
                return Keep(new AvroType(AvroKind.Fixed, NameOf(schema, space)) { Size = Member(schema, "size").GetInt32() });
            case var simple:
                return Named(simple!, space);
        }
    }

    private AvroType Named(string name, string space)
    {
        AvroKind? simple = name switch
        {
            "null" => AvroKind.Null,
            "boolean" => AvroKind.Boolean,
            "int" => AvroKind.Int,
            "long" => AvroKind.Long,
            "float" => AvroKind.Float,
            "double" => AvroKind.Double,
            "bytes" => AvroKind.Bytes,
            "string" => AvroKind.String,
            _ => null,
        };
        return simple is { } kind ? new AvroType(kind, name)
            : _named.TryGetValue(FullName(name, space), out var known) || _named.TryGetValue(name, out known) ? known
            : throw new UnreadableFileException($"its schema names a type '{name}' that it does not define");
    }

    private AvroType Keep(AvroType type) => _named[type.Name] = type;

    private static string NameOf(JsonElement schema, string space) => FullName(
        Member(schema, "name").GetString() ?? "",
        schema.TryGetProperty("namespace", out var own) && own.GetString() is { } named ? named : space);

    private static string FullName(string name, string space) => name.Contains('.') || space.Length == 0 ? name : $"{space}.{name}";

    private static JsonElement Member(JsonElement schema, string name) => schema.TryGetProperty(name, out var member)
        ? member
        : throw new UnreadableFileException($"its schema cannot be read: a type without '{name}'");
}
