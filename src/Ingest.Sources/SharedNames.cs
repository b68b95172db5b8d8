using System.Text;

namespace Ingest.Sources;

/// <summary>Text that repeats from message to message, kept once. Not thread-safe.</summary>
internal sealed class SharedNames
{
    // Short names alone, and not many: devices choose some of them, and the cache must not be theirs to fill.
    private const int LongestName = 128;
    private const int MostNames = 20_000;

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    public SharedNames() => _lookup = _names.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The text, as the one that was first seen.</summary>
    public string? Of(string? text)
    {
        if (text is null || text.Length > LongestName)
        {
            return text;
        }

        return _names.TryGetValue(text, out var shared) ? shared : Keep(text);
    }

    /// <summary>The text of UTF-8 bytes; what is no UTF-8 becomes U+FFFD.</summary>
    public string Of(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > LongestName)
        {
            return Encoding.UTF8.GetString(utf8);
        }

        Span<char> characters = stackalloc char[LongestName];
        ReadOnlySpan<char> text = characters[..Encoding.UTF8.GetChars(utf8, characters)];
        return _lookup.TryGetValue(text, out var shared) ? shared : Keep(text.ToString());
    }

    private string Keep(string text)
    {
        if (_names.Count == MostNames)
        {
            _names.Clear();
        }

        _names[text] = text;
        return text;
    }
}
