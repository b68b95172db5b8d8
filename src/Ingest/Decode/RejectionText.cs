using System.Globalization;
using System.Text;
using Ingest.Columns.Types;
using Ingest.Decode.Places;

namespace Ingest.Decode;

/// <summary>The sentences of rejections: the field, what was expected and the value, shortened.</summary>
internal static class RejectionText
{
    private const int LongestValue = 64;

    /// <summary>What is wrong with the value of a field that is mapped to a column of <paramref name="type"/>.</summary>
    public static string Of(ValueFault fault, string field, SqlType type, string value) => fault switch
    {
        ValueFault.WrongType => WrongType(field, type, value),
        ValueFault.DecimalComma => DecimalComma(field, value),
        ValueFault.OutOfRange => OutOfRange(field, type, value),
        ValueFault.Nul => NulInText(field, value),
        _ => LoneSurrogate(field, value),
    };

    public static string WrongType(string field, SqlType type, string value) => $"{field} is {value}, where {type.Expected} is expected.";

    public static string DecimalComma(string field, string value) =>
        $"{field} is {value}: a decimal comma is not converted, as it divides thousands elsewhere. Send a point.";

    public static string NotAnObject(string field, string value) => $"{field} is {value}, where an object is expected.";

    public static string NotAnArray(string field, string value) => $"{field} is {value}, where an array is expected.";

    public static string OutOfRange(string field, SqlType type, string value) =>
        $"{field} is {value}, which is beyond what {type.Name} holds.";

    public static string NulInText(string field, string value) =>
        $"{field} is {value} and holds a NUL character, which PostgreSQL cannot store.";

    public static string LoneSurrogate(string field, string value) =>
        $"{field} is {value} and holds half of a surrogate pair, which is no character.";

    /// <param name="readings">Where the readings are.</param>
    /// <param name="step">Which of its steps leads nowhere.</param>
    public static string NoReading(Place readings, int step) =>
        $"Telemetry:Readings is {Quote(readings.ToString())}, and {Quote(string.Concat(readings.Steps.Take(step + 1)).TrimStart('.'))} is "
            + "not in the body.";

    public static string MissingRequired(string field, string column) => $"{field} is missing, and the column {Quote(column)} requires it.";

    /// <param name="field">Where the value stands.</param>
    /// <param name="column">The jsonb column it is mapped to.</param>
    /// <param name="bytes">Its length in the body.</param>
    /// <param name="written">Its length when the server writes it out.</param>
    /// <param name="before">The same of the message's values before it.</param>
    /// <param name="most">The most of one message.</param>
    public static string TooLongWhenWritten(string field, string column, int bytes, long written, long before, long most) => string.Create(
        CultureInfo.InvariantCulture,
        $"{field}, of {bytes} bytes, would have {written} bytes when the server writes the column {Quote(column)} "
            + $"out{(before > 0 ? $", after {before} of the message's values before it" : "")}; {most} are the most of one message. A "
            + $"number like 1e9999 has all its digits then.");

    /// <summary>Part of a body, as it stands there: valid UTF-8, cut to 64 characters, on one line.</summary>
    public static string Value(ReadOnlySpan<byte> json)
    {
        // A character takes at most four bytes, so these hold one more than is shown; half a character at the cut is never shown.
        var window = json[..Math.Min(json.Length, (LongestValue + 1) * 4)];
        return Shorten(Encoding.UTF8.GetString(window));
    }

    /// <summary>A token of a body; of an object or an array the reader has met no more than its first bracket.</summary>
    public static string Token(ReadOnlySpan<byte> json) => json switch
    {
        [(byte)'{'] => "an object",
        [(byte)'['] => "an array",
        _ => Value(json),
    };

    /// <summary>Text in quotes, cut to 64 characters, on one line.</summary>
    public static string Quote(string text) => $"\"{Shorten(text)}\"";

    /// <summary>An application property's value.</summary>
    public static string Value(object value) => value switch
    {
        string text => Quote(text),
        byte[] bytes => $"{bytes.Length} bytes of binary",
        IFormattable formattable => $"{Shorten(formattable.ToString(null, CultureInfo.InvariantCulture))} ({value.GetType().Name})",
        _ => $"{Shorten(value.ToString() ?? "")} ({value.GetType().Name})",
    };

    private static string Shorten(string text)
    {
        var result = new StringBuilder(LongestValue);
        foreach (var rune in text.EnumerateRunes())
        {
            var shown =
                Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format
                ? string.Create(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}")
                : rune.ToString();
            if (result.Length + shown.Length > LongestValue - 1)
            {
                return result.Append('…').ToString();
            }

            result.Append(shown);
        }

        return result.ToString();
    }
}
