using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>A message that may hold much work.</summary>
/// <param name="Body">Its body.</param>
/// <param name="ContentEncoding">Its content-encoding.</param>
/// <param name="ContentType">Its content-type.</param>
/// <param name="Text">The body, inflated where it is compressed; null where it cannot be opened.</param>
public sealed record Bomb(byte[] Body, string? ContentEncoding, string? ContentType, byte[]? Text);

/// <summary>
/// Messages whose bodies are small and mean much: many readings, deep nesting, numbers with large exponents, long strings, long names of encodings. Among
/// them those of <see cref="DecodedWorkBombs"/>. The same seed gives the same messages.
/// </summary>
public sealed class BombMutator(int seed)
{
    private readonly Random _random = new(seed);
    private readonly BodyMutator _bodies = new(seed);
    private int _fixed;

    public Bomb Next()
    {
        switch (_random.Next(6))
        {
            case 0:
                var (body, encoding) = DecodedWorkBombs.Bodies[_fixed++ % DecodedWorkBombs.Bodies.Count];
                return new Bomb(body, encoding, null, encoding is null ? body : encoding == "gzip" ? Inflate(body) : null);
            case 1:
                // Any body, over and over: an array of whatever it is, or nothing that is JSON.
                var element = _bodies.Next();
                return Compressed(Joined("["u8, Enumerable.Repeat(element, 1 + _random.Next(Math.Min(12_000, 1_200_000 / (element.Length + 1)))), ","u8, "]"u8));
            case 2:
                var number = string.Create(CultureInfo.InvariantCulture, $"{_random.Next(-9, 10)}{(_random.Next(2) == 0 ? "" : ".5")}e{_random.Next(-20_000, 140_000)}");
                return Compressed(Encoding.UTF8.GetBytes($$"""{"temperature":{{number}},"data":[{{string.Join(',', Enumerable.Repeat(number, 1 + _random.Next(2_000)))}}]}"""));
            case 3:
                // As deep as the independent reader goes, but seldom: it takes seconds for that, the square of the depth.
                var depth = _random.Next(_random.Next(64) == 0 ? 90_000 : 3_000);
                return Compressed(Encoding.UTF8.GetBytes($$"""[{"temperature":1},{"data":{{new string('[', depth)}}{{new string(']', depth)}}},{"temperature":2}]"""));
            case 4:
                var text = string.Concat(Enumerable.Repeat(_random.Next(3) switch { 0 => "x", 1 => "\\u00e9", _ => "😀" }, _random.Next(200_000)));
                return Compressed(Encoding.UTF8.GetBytes($$$"""{"site":"{{{text}}}","data":{"{{{text}}}":1}}"""));
            default:
                var plain = _bodies.Next();
                return _random.Next(2) == 0
                    ? new Bomb(plain, Word(), Word(), null)
                    : new Bomb(plain, null, Word(), plain);
        }
    }

    // Not one of the encodings that are understood.
    private string Word() => string.Create(CultureInfo.InvariantCulture, $"x{_random.Next()}{new string((char)_random.Next(32, 0x2fff), _random.Next(100_000))}");

    private static Bomb Compressed(byte[] text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            gzip.Write(text);
        }

        return new Bomb(compressed.ToArray(), "gzip", null, text);
    }

    private static byte[] Inflate(byte[] compressed)
    {
        using var gzip = new GZipStream(new MemoryStream(compressed), CompressionMode.Decompress);
        using var text = new MemoryStream();
        gzip.CopyTo(text);
        return text.ToArray();
    }

    private static byte[] Joined(ReadOnlySpan<byte> before, IEnumerable<byte[]> parts, ReadOnlySpan<byte> between, ReadOnlySpan<byte> after)
    {
        using var joined = new MemoryStream();
        joined.Write(before);
        var first = true;
        foreach (var part in parts)
        {
            if (!first)
            {
                joined.Write(between);
            }

            joined.Write(part);
            first = false;
        }

        joined.Write(after);
        return joined.ToArray();
    }
}
