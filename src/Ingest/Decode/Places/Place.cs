using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Ingest.Decode.Places;

/// <summary>Where in a message a place is.</summary>
internal enum PlaceKind
{
    Body,
    Property,
    Annotation,
    Module,
}

/// <summary>A step from a value into it.</summary>
/// <param name="Name">The name in an object; null for an array.</param>
/// <param name="Index">The index in an array; <see cref="Every"/> for each of its elements.</param>
internal readonly record struct PlaceStep(string? Name, int Index)
{
    public const int Every = -1;

    public override string ToString() =>
        Name is null ? Index == Every ? "[*]" : string.Create(CultureInfo.InvariantCulture, $"[{Index}]")
        : Name.Length > 0 && Name.AsSpan().IndexOfAny(".[]:") < 0 && Name[0] != '$' ? $".{Name}"
        : $"['{Name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}']";
}

/// <summary>
/// A place in a message: JSONPath without filters for the body (<c>a.b</c>, <c>$.a.b</c>, <c>a[0].b</c>, <c>['a.b']</c>),
/// <c>property:name</c>, <c>annotation:name</c> or <c>module</c>.
/// </summary>
/// <param name="Kind">Which part of the message.</param>
/// <param name="Name">The property's or annotation's name.</param>
/// <param name="FromRoot">Whether the steps lead from the body's root (<c>$</c>) and not from the reading.</param>
/// <param name="Steps">The steps into the body.</param>
internal sealed record Place(PlaceKind Kind, string Name, bool FromRoot, IReadOnlyList<PlaceStep> Steps)
{
    private const string PropertyPrefix = "property:";
    private const string AnnotationPrefix = "annotation:";
    private const string BodyPrefix = "body:";

    /// <summary>Most steps of a place.</summary>
    private const int MostSteps = 32;

    /// <summary>Reads a place.</summary>
    /// <param name="text">As the settings have it.</param>
    /// <param name="takesEvery">Whether it names many places, so that <c>[*]</c> is allowed.</param>
    /// <param name="place">The place.</param>
    /// <param name="fault">What is wrong with it and where, as the end of a sentence that begins with the text.</param>
    public static bool TryParse(
        string text, bool takesEvery, [NotNullWhen(true)] out Place? place, [NotNullWhen(false)] out string? fault)
    {
        place = null;
        fault = null;
        if (text == "module")
        {
            place = new Place(PlaceKind.Module, text, FromRoot: false, []);
        }
        else if (text.StartsWith(PropertyPrefix, StringComparison.OrdinalIgnoreCase))
        {
            place = Named(PlaceKind.Property, text[PropertyPrefix.Length..], PropertyPrefix.Length, out fault);
        }
        else if (text.StartsWith(AnnotationPrefix, StringComparison.OrdinalIgnoreCase))
        {
            place = Named(PlaceKind.Annotation, text[AnnotationPrefix.Length..], AnnotationPrefix.Length, out fault);
        }
        else
        {
            var start = text.StartsWith(BodyPrefix, StringComparison.OrdinalIgnoreCase) ? BodyPrefix.Length : 0;
            var parser = new PlaceParser(text, start, takesEvery);
            if (parser.TryParse(out var fromRoot, out var steps))
            {
                place = new Place(PlaceKind.Body, "", fromRoot, steps);
            }

            fault = parser.Fault;
        }

        if (place?.Steps.Count > MostSteps)
        {
            fault = $"has {place.Steps.Count} steps, and {MostSteps} are the most. Take an outer object in a Jsonb column instead.";
            place = null;
        }

        return place is not null;
    }

    /// <summary>The place as it is written shortest.</summary>
    public override string ToString() => Kind switch
    {
        PlaceKind.Module => Name,
        PlaceKind.Property => PropertyPrefix + Name,
        PlaceKind.Annotation => AnnotationPrefix + Name,
        _ => FromRoot ? $"${string.Concat(Steps)}" : string.Concat(Steps).TrimStart('.'),
    };

    private static Place? Named(PlaceKind kind, string name, int position, out string? fault)
    {
        fault = name.Length > 0 ? null
            : $"cannot be read at character {position + 1}: no name follows the colon. Write the name as the sender gives it.";
        return name.Length > 0 ? new Place(kind, name, FromRoot: false, []) : null;
    }
}
