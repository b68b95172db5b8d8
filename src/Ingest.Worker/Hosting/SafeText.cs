using System.Globalization;
using System.Text;

namespace Ingest.Worker.Hosting;

/// <summary>
/// Makes text from outside harmless where it leaves for a person's terminal or log: characters that steer a terminal, break a line, change
/// the reading direction or are not seen are shown as <c>\u001B</c> and the like. Sinks call it, so that nobody else has to think of it.
/// </summary>
public static class SafeText
{
    /// <summary>The longest line, in UTF-16 units, before what is left of it is only counted.</summary>
    public const int LongestLine = 8 * 1024;

    private const int LongestBlock = 4 * 1024 * 1024;
    private const string Indent = "  ";

    /// <summary>Text on one line, whatever it holds.</summary>
    /// <param name="text">Whatever it is.</param>
    /// <param name="limit">Its longest, in UTF-16 units before escaping.</param>
    public static string Line(string? text, int limit = LongestLine)
    {
        text ??= "";
        var shown = text.Length <= limit ? text : text[..limit];
        var left = text.Length - shown.Length;
        if (left == 0 && IsPlain(text))
        {
            return text;
        }

        var line = new StringBuilder(shown.Length + 32);
        Append(line, shown);
        return left == 0 ? line.ToString() : line.Append(CultureInfo.InvariantCulture, $"… ({left} more)").ToString();
    }

    /// <summary>Text of several lines. All but the first are indented, so that no line break inside begins a line of its own.</summary>
    public static string Lines(string? text)
    {
        text ??= "";
        var shown = text.Length <= LongestBlock ? text : text[..LongestBlock];
        var block = new StringBuilder(shown.Length);
        foreach (var line in shown.ReplaceLineEndings("\n").Split('\n'))
        {
            if (block.Length > 0)
            {
                block.AppendLine();
            }

            if (block.Length > 0 && !line.StartsWith(Indent, StringComparison.Ordinal))
            {
                block.Append(Indent);
            }

            Append(block, line);
        }

        var left = text.Length - shown.Length;
        return left == 0 ? block.ToString() : block.Append(CultureInfo.InvariantCulture, $"… ({left} more)").ToString();
    }

    /// <summary>Whether a character is sent as it is.</summary>
    public static bool IsHarmless(Rune rune) => rune.Value switch
    {
        < 0x7F => rune.Value >= 0x20,

        // Not seen, though of no category of their own: fillers, the grapheme joiner, variation selectors.
        0x34F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or 0x3164 or 0xFFA0 => false,
        (>= 0x180B and <= 0x180F) or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0000 and <= 0xE0FFF) => false,
        _ => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate
            or UnicodeCategory.OtherNotAssigned),
    };

    private static bool IsPlain(string text)
    {
        foreach (var character in text)
        {
            if (character is < ' ' or > '~')
            {
                return false;
            }
        }

        return true;
    }

    private static void Append(StringBuilder line, ReadOnlySpan<char> text)
    {
        while (text.Length > 0)
        {
            // A surrogate without its other half is no rune.
            var whole = Rune.DecodeFromUtf16(text, out var rune, out var units) == System.Buffers.OperationStatus.Done;
            if (whole && IsHarmless(rune))
            {
                line.Append(text[..units]);
            }
            else
            {
                foreach (var unit in text[..units])
                {
                    line.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
                }
            }

            text = text[units..];
        }
    }
}
