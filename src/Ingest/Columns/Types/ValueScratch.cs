namespace Ingest.Columns.Types;

/// <summary>What the readers of values share while messages are decoded: buffers, the texts seen lately, and one message's sums. Not thread-safe.</summary>
internal sealed class ValueScratch : IDisposable
{
    private readonly PooledBuffer<byte> _unescaped = new();

    public StringCache Texts { get; } = new();

    public JsonbCanonicalizer Canonicalizer { get; } = new();

    /// <summary>Bytes of the text and JSON that was taken from the message.</summary>
    public long TakenBytes { get; set; }

    /// <summary>Bytes of the message's jsonb values when the server writes them out.</summary>
    public long WrittenBytes { get; set; }

    public void BeginMessage()
    {
        TakenBytes = 0;
        WrittenBytes = 0;
    }

    /// <summary>Resolves the escapes of a JSON string. The result is valid until the next call.</summary>
    /// <returns>False where one is half of a surrogate pair.</returns>
    public bool TryUnescape(ReadOnlySpan<byte> escaped, out ReadOnlySpan<byte> text)
    {
        _unescaped.Clear();
        var room = _unescaped.Extend(escaped.Length);
        var complete = JsonEscapes.TryUnescape(escaped, room, out var length);
        text = room[..length];
        return complete;
    }

    /// <summary>Gives the buffers back. It can be used again.</summary>
    public void Dispose()
    {
        Canonicalizer.Dispose();
        _unescaped.Dispose();
    }
}
