using System.Text.Unicode;
using Ingest.Columns;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>A message's body as the UTF-8 text it holds: inflated, without its byte order mark, its bytes checked.</summary>
internal static class MessageBody
{
    /// <summary>IoT Hub's own limit, in bytes, as sent (before a compressed body is inflated).</summary>
    public const int Longest = 256 * 1024;

    /// <summary>Most bytes that a compressed body may inflate to.</summary>
    public const int LongestInflated = 1024 * 1024;

    private const int LongestEncoding = 64;
    private const byte FirstOfGzip = 0x1f;

    /// <summary>Opens the body of <paramref name="message"/>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="inflated">Takes the text of a compressed body, and is empty where the body is not compressed.</param>
    /// <param name="text">The text: part of the message's body or of <paramref name="inflated"/>.</param>
    /// <param name="detail">What was wrong.</param>
    /// <returns>Why it cannot be opened, or null.</returns>
    public static RejectReason? Open(RawEvent message, PooledBuffer<byte> inflated, out ReadOnlySpan<byte> text, out string detail)
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
        if (IsCompressed(message.ContentEncoding) is not { } compressed)
        {
            detail = $"The content-encoding is {RejectionText.Quote(message.ContentEncoding!)}; gzip and utf-8 are understood.";
            return RejectReason.BadEncoding;
        }

        if (compressed)
        {
            switch (Gzip.Inflate(body, inflated))
            {
                case Gzip.Result.Damaged:
                    detail = text is [FirstOfGzip, ..]
                        ? "The gzip data is damaged or cut short, or something follows it."
                        : "The content-encoding is gzip, and the body is not.";
                    return RejectReason.BadEncoding;
                case Gzip.Result.TooLarge:
                    detail = $"The gzip data inflates to more than {LongestInflated} bytes.";
                    return RejectReason.TooLarge;
                default:
                    text = inflated.Span;
                    break;
            }
        }

        if (text is [0xef, 0xbb, 0xbf, ..])
        {
            text = text[3..];
        }

        // A described type with the descriptor of one of a message's sections: what has no bytes for a body is kept as AMQP encodes it.
        if (text is [0x00, 0x53, >= 0x70 and <= 0x78, ..])
        {
            detail = "The body is a value or a sequence of AMQP's own types, kept as AMQP encodes it; send JSON as data or as text.";
            return RejectReason.NotJson;
        }

        if (!Utf8.IsValid(text))
        {
            detail = "The body is not UTF-8.";
            return RejectReason.NotJson;
        }

        return null;
    }

    // IoT Hub's contentEncoding names the character set, where HTTP's names the compression. Devices use it for either. One of any length
    // is not copied to be looked at.
    private static bool? IsCompressed(string? encoding) =>
        string.IsNullOrEmpty(encoding) ? false : encoding.Length > LongestEncoding ? null : encoding.Trim().ToLowerInvariant() switch
        {
            "" or "utf-8" or "utf8" or "us-ascii" or "ascii" or "identity" => false,
            "gzip" or "x-gzip" => true,
            _ => null,
        };
}
