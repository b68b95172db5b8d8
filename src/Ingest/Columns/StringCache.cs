using System.Text;
using System.Text.Unicode;

namespace Ingest.Columns;

/// <summary>
/// Strings seen lately, so that a name that returns with every reading is one string. Bounded in bytes: it keeps short strings only, one takes the
/// place of another that has the same slot, and where all of them are too many bytes they are forgotten. Not thread-safe.
/// </summary>
internal sealed class StringCache
{
    /// <summary>Longest string that is kept, in UTF-16 units.</summary>
    public const int LongestKept = 128;

    /// <summary>Most bytes of the strings that are kept.</summary>
    public const int MostBytes = 2 * 1024 * 1024;

    private const int Slots = 1 << 14;

    // An object's header, its type, the length and the terminator.
    private const int BytesOfEmpty = 22;

    private readonly string?[] _slots = new string?[Slots];

    /// <summary>Bytes of the strings that are kept.</summary>
    public int Bytes { get; private set; }

    /// <summary>The cached string equal to <paramref name="text"/>, or null.</summary>
    public string? Find(ReadOnlySpan<char> text) =>
        _slots[Slot(text)] is { } known && text.SequenceEqual(known) ? known : null;

    public string Keep(string text)
    {
        if (text.Length > LongestKept)
        {
            return text;
        }

        ref var slot = ref _slots[Slot(text)];
        var added = SizeOf(text) - (slot is { } replaced ? SizeOf(replaced) : 0);
        if (Bytes + added > MostBytes)
        {
            Array.Clear(_slots);
            Bytes = 0;
            added = SizeOf(text);
        }

        Bytes += added;
        slot = text;
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

    private static int SizeOf(string text) => BytesOfEmpty + (sizeof(char) * text.Length);

    private static int Slot(ReadOnlySpan<char> text) => string.GetHashCode(text) & (Slots - 1);
}
