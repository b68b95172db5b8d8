using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// A message's body as the UTF-8 text it holds: inflated, without its byte order mark, its bytes checked. Not thread-safe.
/// </summary>
internal sealed class MessageBody : IDisposable
{
    /// <summary>IoT Hub's own limit, in bytes, as sent (before a compressed body is inflated).</summary>
    public const int Longest = 256 * 1024;

    /// <summary>Most bytes that a compressed body may inflate to.</summary>
    public const int LongestInflated = 1024 * 1024;

    private const int LongestEncoding = 64;
    private const string Known = "utf-8, utf-16, utf-32, gzip and deflate are read";

    private readonly PooledBuffer<byte> _inflated = new();
    private readonly PooledBuffer<byte> _converted = new();

    // Most messages have the same encoding, usually even as the same string object.
    private string? _lastEncoding;
    private Packing _lastPacking;

    private enum Packing
    {
        None,
        Gzip,
        Deflate,
        Unknown,
    }

    /// <summary>Opens the body of <paramref name="message"/>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="text">The text: part of the message's body or of a buffer, until the next call.</param>
    /// <param name="detail">What was wrong.</param>
    /// <returns>Why it cannot be opened, or null.</returns>
    public RejectReason? Open(RawEvent message, out ReadOnlySpan<byte> text, out string detail)
    {
        var body = message.Body;
        text = default;
        detail = "";
        if (body.Length > Longest)
        {
            detail = $"The body has {body.Length} bytes; {Longest} are the most.";
            return RejectReason.TooLarge;
        }

        text = body.Span;
        var packing = Compression.IsGzip(text) ? Packing.Gzip : PackingNamed(message.ContentEncoding);
        if (packing == Packing.Unknown)
        {
            detail = $"The content-encoding is {RejectionText.Quote(message.ContentEncoding!)}; {Known}.";
            return RejectReason.BadEncoding;
        }

        if (packing != Packing.None)
        {
            if (Inflate(body, packing, out detail) is { } refused)
            {
                return refused;
            }

            text = _inflated.Span;
        }

        // A described type whose descriptor is a message section's: a body that is not bytes is kept in its AMQP encoding.
        if (text is [0x00, 0x53, >= 0x70 and <= 0x78, ..])
        {
            detail = "The body is a value or a sequence of AMQP's own types, kept as AMQP encodes it; send JSON as data or as text.";
            return RejectReason.NotJson;
        }

        if (!TextEncoding.TryMakeUtf8(ref text, _converted, out var encoding))
        {
            detail = $"The body begins as {encoding} and is none; {Known}.";
            return RejectReason.NotJson;
        }

        return null;
    }

    /// <summary>Gives the buffers back. It can be used again.</summary>
    public void Dispose()
    {
        _inflated.Dispose();
        _converted.Dispose();
    }

    private RejectReason? Inflate(ReadOnlyMemory<byte> body, Packing packing, out string detail)
    {
        var name = packing == Packing.Gzip ? "gzip" : "deflate";
        switch (packing == Packing.Gzip ? Compression.Gunzip(body, _inflated) : Compression.InflateDeflate(body, _inflated))
        {
            case Compression.Result.Damaged:
                detail = packing == Packing.Gzip && !Compression.IsGzip(body.Span)
                    ? "The content-encoding is gzip, and the body is not."
                    : $"The {name} data is damaged or cut short, or something follows it.";
                return RejectReason.BadEncoding;
            case Compression.Result.TooLarge:
                detail = $"The {name} data inflates to more than {LongestInflated} bytes.";
                return RejectReason.TooLarge;
            default:
                detail = "";
                return null;
        }
    }

    private Packing PackingNamed(string? encoding)
    {
        // A long one is not kept.
        if (encoding?.Length > LongestEncoding)
        {
            return Packing.Unknown;
        }

        if (!ReferenceEquals(encoding, _lastEncoding))
        {
            (_lastEncoding, _lastPacking) = (encoding, PackingOf(encoding));
        }

        return _lastPacking;
    }

    // IoT Hub's contentEncoding names the character set, where HTTP's names the compression. Devices use it for either.
    private static Packing PackingOf(string? encoding) =>
        string.IsNullOrEmpty(encoding) ? Packing.None
        : encoding.Trim().ToLowerInvariant() switch
        {
            "" or "utf-8" or "utf8" or "us-ascii" or "ascii" or "identity" => Packing.None,
            "utf-16" or "utf-16le" or "utf-16be" or "utf16" or "unicode" => Packing.None,
            "utf-32" or "utf-32le" or "utf-32be" or "utf32" => Packing.None,
            "gzip" or "x-gzip" => Packing.Gzip,
            "deflate" => Packing.Deflate,
            _ => Packing.Unknown,
        };
}
