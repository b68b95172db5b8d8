using System.Text;
using System.Text.Unicode;
using Ingest.Columns;

namespace Ingest.Decode;

/// <summary>
/// Which Unicode encoding a text of JSON has, told by its first bytes: its byte order mark, or the zeros around its first character, which
/// is ASCII in all JSON. What a sender says about it is believed less: many say utf-8 and send something else.
/// </summary>
internal static class TextEncoding
{
    private static readonly UnicodeEncoding Utf16Little = new(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true);
    private static readonly UnicodeEncoding Utf16Big = new(bigEndian: true, byteOrderMark: false, throwOnInvalidBytes: true);
    private static readonly UTF32Encoding Utf32Little = new(bigEndian: false, byteOrderMark: false, throwOnInvalidCharacters: true);
    private static readonly UTF32Encoding Utf32Big = new(bigEndian: true, byteOrderMark: false, throwOnInvalidCharacters: true);

    /// <summary>Makes a text UTF-8, without its byte order mark.</summary>
    /// <param name="text">The text; where it is UTF-8 already, the rest of it.</param>
    /// <param name="converted">Takes the text where it is something else.</param>
    /// <param name="name">What the encoding is called.</param>
    /// <returns>False where it is not what its first bytes say.</returns>
    public static bool TryMakeUtf8(ref ReadOnlySpan<byte> text, PooledBuffer<byte> converted, out string name)
    {
        var (encoding, markLength) = Of(text);
        text = text[markLength..];
        name = encoding switch
        {
            null => "UTF-8",
            UnicodeEncoding => "UTF-16",
            _ => "UTF-32",
        };
        if (encoding is null)
        {
            return Utf8.IsValid(text);
        }

        return TryConvert(encoding, ref text, converted);
    }

    private static (Encoding? Encoding, int MarkLength) Of(ReadOnlySpan<byte> text) => text switch
    {
        // Nearly every body.
        [> 0 and < 0x80, not 0, ..] => (null, 0),
        [0xef, 0xbb, 0xbf, ..] => (null, 3),
        [0xff, 0xfe, 0, 0, ..] => (Utf32Little, 4),
        [0, 0, 0xfe, 0xff, ..] => (Utf32Big, 4),
        [0xff, 0xfe, ..] => (Utf16Little, 2),
        [0xfe, 0xff, ..] => (Utf16Big, 2),
        [not 0, 0, 0, 0, ..] => (Utf32Little, 0),
        [0, 0, 0, not 0, ..] => (Utf32Big, 0),
        [not 0, 0, ..] => (Utf16Little, 0),
        [0, not 0, ..] => (Utf16Big, 0),
        _ => (null, 0),
    };

    private static bool TryConvert(Encoding encoding, ref ReadOnlySpan<byte> text, PooledBuffer<byte> converted)
    {
        converted.Clear();
        try
        {
            var characters = encoding.GetString(text);
            var length = Encoding.UTF8.GetBytes(characters, converted.Extend(Encoding.UTF8.GetMaxByteCount(characters.Length)));
            converted.Truncate(length);
            text = converted.Span;
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
