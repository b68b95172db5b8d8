namespace Ingest.Sources.Archives.Formats;

internal enum AvroKind
{
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed,
    Enum,
    Array,
    Map,
    Union,
    Record,
}

/// <summary>A type of an Avro schema, as the file that is read declares it.</summary>
internal sealed class AvroType(AvroKind kind, string name)
{
    public AvroKind Kind { get; } = kind;

    /// <summary>The full name of a record, enum or fixed; of any other the kind in lower case.</summary>
    public string Name { get; } = name;

    /// <summary>A union's branches, a record's fields, or the one type that an array or map holds.</summary>
    public IReadOnlyList<AvroType> Types { get; set; } = [];

    /// <summary>A record's field names, in the order of <see cref="Types"/>.</summary>
    public IReadOnlyList<string> Fields { get; set; } = [];

    /// <summary>Bytes of a fixed.</summary>
    public int Size { get; init; }

    /// <summary>Whether a value of it may be one of this kind.</summary>
    public bool MayBe(AvroKind kind) => Kind == kind || (Kind == AvroKind.Union && Types.Any(branch => branch.Kind == kind));
}
