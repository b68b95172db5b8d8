using System.Text;
using System.Text.Unicode;

namespace Ingest.Decode;

/// <summary>
/// Strings seen lately, so that a name that returns with every reading is one string. Bounded: a string takes the place of the one that has
/// the same slot, and is forgotten in the same way. Not thread-safe.
/// </summary>
internal sealed class StringCache
{
    private const int Slots = 1 << 14;
    private const int LongestKept = 128;

    private readonly string?[] _slots = new string?[Slots];

    /// <summary>The cached string equal to <paramref name="text"/>, or null.</summary>
    public string? Find(ReadOnlySpan<char> text) =>
        _slots[Slot(text)] is { } known && text.SequenceEqual(known) ? known : null;

    public string Keep(string text)
    {
        if (text.Length <= LongestKept)
        {
            _slots[Slot(text)] = text;
        }

        return text;
    }

    /// <summary>The text of valid UTF-8, from the cache where it was seen lately.</summary>
    public string FromUtf8(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > LongestKept)
        {
            return Encoding.UTF8.GetString(utf8);
        }

        Span<char> text = stackalloc char[LongestKept];
        Utf8.ToUtf16(utf8, text, out _, out var length);
        text = text[..length];
        return Find(text) ?? Keep(new string(text));
    }

    private static int Slot(ReadOnlySpan<char> text) => string.GetHashCode(text) & (Slots - 1);
}
