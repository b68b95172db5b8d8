using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Ingest.Columns;

/// <summary>The escapes of JSON strings, over UTF-8.</summary>
internal static class JsonEscapes
{
    /// <summary>
    /// Resolves the escapes of a string that a JSON reader has accepted. The result is never longer than the source.
    /// </summary>
    /// <returns>False where an escape is half of a surrogate pair: no code point, which UTF-8 and so PostgreSQL cannot hold.</returns>
    public static bool TryUnescape(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        written = 0;
        while (true)
        {
            var plain = source.IndexOf((byte)'\\');
            if (plain < 0)
            {
                source.CopyTo(destination[written..]);
                written += source.Length;
                return true;
            }

            source[..plain].CopyTo(destination[written..]);
            written += plain;
            var escape = source[plain + 1];
            source = source[(plain + 2)..];
            if (escape != (byte)'u')
            {
                destination[written++] = escape switch
                {
                    (byte)'b' => (byte)'\b',
                    (byte)'f' => (byte)'\f',
                    (byte)'n' => (byte)'\n',
                    (byte)'r' => (byte)'\r',
                    (byte)'t' => (byte)'\t',
                    _ => escape,
                };
                continue;
            }

            var unit = (char)Hex(source);
            source = source[4..];
            Rune rune;
            if (!char.IsSurrogate(unit))
            {
                rune = new Rune(unit);
            }
            else if (source is [(byte)'\\', (byte)'u', ..] && Rune.TryCreate(unit, (char)Hex(source[2..]), out rune))
            {
                source = source[6..];
            }
            else
            {
                return false;
            }

            written += rune.EncodeToUtf8(destination[written..]);
        }
    }

    /// <summary>Appends the inside of a JSON string: quotes, backslashes and control characters escaped, all else as it is.</summary>
    public static void AppendEscaped(PooledBuffer<byte> buffer, ReadOnlySpan<byte> text)
    {
        foreach (var unit in text)
        {
            if (unit is (byte)'"' or (byte)'\\')
            {
                buffer.Append((byte)'\\');
                buffer.Append(unit);
            }
            else if (unit < 0x20)
            {
                buffer.AppendRange(@"\u00"u8);
                _ = Utf8Formatter.TryFormat(unit, buffer.Extend(2), out _, new('x', 2));
            }
            else
            {
                buffer.Append(unit);
            }
        }
    }

    private static ushort Hex(ReadOnlySpan<byte> digits) =>
        ushort.Parse(digits[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
