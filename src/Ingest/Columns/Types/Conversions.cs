using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Ingest.Columns.Types;

/// <summary>Conversions between JSON types in which nothing is lost.</summary>
internal static class Conversions
{
    /// <summary>What numbers are converted from, in the words of a rejection.</summary>
    public const string NumberInText = "a string that holds one";

    /// <summary>What truth values are converted from, in the words of a rejection.</summary>
    public const string TruthInText = "0, 1, or a string that holds one of these";

    /// <summary>Text that holds a JSON number.</summary>
    public static ValueFault ToNumber(JsonToken json, ValueScratch scratch, out JsonToken converted)
    {
        converted = json;
        if (json.Type != JsonTokenType.String || !TryText(json, scratch, out var text))
        {
            return ValueFault.None;
        }

        if (JsonNumber.IsNumber(text))
        {
            converted = new JsonToken(JsonTokenType.Number, text, isEscaped: false);
            return ValueFault.None;
        }

        var comma = text.IndexOf((byte)',');
        return comma > 0 && comma < text.Length - 1 && JsonNumber.IsNumber(text[..comma])
            && text[(comma + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0
            ? ValueFault.DecimalComma
            : ValueFault.None;
    }

    /// <summary>Numbers and truth values, as they are written.</summary>
    public static ValueFault ToText(JsonToken json, ValueScratch scratch, out JsonToken converted)
    {
        converted = json.Type is JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False
            ? new JsonToken(JsonTokenType.String, json.Text, isEscaped: false)
            : json;
        return ValueFault.None;
    }

    /// <summary>0 and 1, and text that holds one of them or <c>true</c> or <c>false</c> in any case.</summary>
    public static ValueFault ToBoolean(JsonToken json, ValueScratch scratch, out JsonToken converted)
    {
        converted = json;
        if ((json.Type == JsonTokenType.Number || json.Type == JsonTokenType.String) && TryText(json, scratch, out var text))
        {
            var type = text is [(byte)'1'] || Ascii.EqualsIgnoreCase(text, "true"u8) ? JsonTokenType.True
                : text is [(byte)'0'] || Ascii.EqualsIgnoreCase(text, "false"u8) ? JsonTokenType.False
                : json.Type;
            converted = new JsonToken(type, json.Text, json.IsEscaped);
        }

        return ValueFault.None;
    }

    /// <summary>A property's text, number or truth value as JSON would have it.</summary>
    public static bool TryAsJson(object property, out JsonTokenType type, out byte[] text)
    {
        type = property switch
        {
            string => JsonTokenType.String,
            true => JsonTokenType.True,
            false => JsonTokenType.False,
            double or float => JsonTokenType.Number,
            long or int or short or sbyte or byte or ushort or uint or ulong or decimal => JsonTokenType.Number,
            _ => JsonTokenType.None,
        };
        text = type == JsonTokenType.None ? [] : Encoding.UTF8.GetBytes(property switch
        {
            string known => known,
            bool truth => truth ? "true" : "false",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => "",
        });
        return type != JsonTokenType.None;
    }

    private static bool TryText(JsonToken json, ValueScratch scratch, out ReadOnlySpan<byte> text)
    {
        text = json.Text;
        return !json.IsEscaped || scratch.TryUnescape(json.Text, out text);
    }
}
