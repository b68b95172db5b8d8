using System.IO.Compression;
using System.Text;
using Ingest.Decode;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class EncodingTests
{
    private const string Reading = """{"temperature":21.5,"x":"größe 😀"}""";

    private readonly DecoderDriver _driver = new();

    public static TheoryData<string> Encodings => ["utf-16", "utf-16BE", "utf-32", "utf-32BE"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public void A_body_is_read_by_its_first_bytes_whatever_the_sender_says(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        foreach (var declared in new[] { null, name, "utf-16", "UTF-32", "utf-8" })
        {
            Assert.Equal([21.5, null], _driver.Row(Message(encoding.GetBytes(Reading), encoding: declared)));
            byte[] marked = [.. encoding.GetPreamble(), .. encoding.GetBytes(Reading)];
            Assert.Equal([21.5, null], _driver.Row(Message(marked, encoding: declared)));
            Assert.Equal([21.5, null], _driver.Row(Message(Gzip(encoding.GetBytes(Reading)), encoding: declared)));
        }

        Assert.Equal([21.5, null], _driver.Row(Message(Encoding.UTF8.GetBytes(Reading), encoding: name)));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void A_body_that_is_not_what_it_begins_as_is_rejected(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        var cut = _driver.Rejection(encoding.GetBytes(Reading)[..^1]);
        var half = _driver.Rejection(encoding.GetBytes(Reading).Concat(name.StartsWith("utf-16", StringComparison.Ordinal)
            ? encoding.GetBytes("x").Select(_ => (byte)0xd8)
            : Enumerable.Repeat((byte)0xff, 4)).ToArray());

        Assert.Equal(RejectReason.NotJson, cut.Reason);
        Assert.Equal(
            $"The body begins as {name[..6].ToUpperInvariant()} and is none; utf-8, utf-16, utf-32, gzip and deflate are read.",
            cut.Detail);
        Assert.Equal(cut, half);
    }

    [Fact]
    public void A_mark_alone_is_an_empty_body()
    {
        Assert.Equal("The body is empty.", _driver.Rejection([0xff, 0xfe]).Detail);
        Assert.Equal("The body is empty.", _driver.Rejection([0xef, 0xbb, 0xbf]).Detail);
        Assert.Equal(RejectReason.NotJson, _driver.Rejection([0]).Reason);
        Assert.Equal(RejectReason.NotJson, _driver.Rejection([0, 0, 0, 0]).Reason);
    }

    [Fact]
    public void Gzip_is_known_by_its_first_bytes()
    {
        var body = Gzip(Encoding.UTF8.GetBytes(Reading));

        Assert.Equal([21.5, null], _driver.Row(Message(body)));
        Assert.Equal([21.5, null], _driver.Row(Message(body, encoding: "utf-8")));
        Assert.Equal([21.5, null], _driver.Row(Message(body, encoding: "br")));
        Assert.Equal("The gzip data is damaged or cut short, or something follows it.", _driver.Rejection(body[..^1]).Detail);
    }

    [Theory]
    [InlineData(CompressionLevel.Optimal)]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.NoCompression)]
    public void Deflate_is_read_with_and_without_zlibs_frame_and_a_cut_anywhere_is_found(CompressionLevel level)
    {
        var lines = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 30).Select(number => $"{{\"temperature\":{number}}}\n")));
        foreach (var body in new[]
        {
            Compress(lines, target => new ZLibStream(target, level, leaveOpen: true)),
            Compress(lines, target => new DeflateStream(target, level, leaveOpen: true)),
        })
        {
            using var batch = _driver.Decode(Message(body, encoding: "deflate"));
            Assert.Equal(30, batch.Readings.Count);
            for (var length = 0; length < body.Length; length++)
            {
                var rejection = _driver.Rejection(body[..length], "deflate");
                Assert.True(rejection.Reason == RejectReason.BadEncoding, $"{length} of {body.Length} bytes: {rejection}");
            }

            Assert.Equal(RejectReason.BadEncoding, _driver.Rejection([.. body, 0], "deflate").Reason);
            Assert.Equal(RejectReason.BadEncoding, _driver.Rejection([.. body, 1, 2, 3, 4, 5], "deflate").Reason);
        }
    }

    [Fact]
    public void A_deflate_bomb_is_rejected_without_being_inflated()
    {
        var zeros = new byte[32 * 1024 * 1024];

        Assert.Equal(
            RejectReason.TooLarge,
            _driver.Rejection(Compress(zeros, target => new ZLibStream(target, CompressionLevel.Optimal, true)), "deflate").Reason);
        Assert.Equal(
            RejectReason.TooLarge,
            _driver.Rejection(Compress(zeros, target => new DeflateStream(target, CompressionLevel.Optimal, true)), "deflate").Reason);
    }

    private static byte[] Gzip(byte[] text) => Compress(text, target => new GZipStream(target, CompressionLevel.Optimal, leaveOpen: true));

    private static byte[] Compress(byte[] text, Func<Stream, Stream> open)
    {
        using var result = new MemoryStream();
        using (var stream = open(result))
        {
            stream.Write(text);
        }

        return result.ToArray();
    }
}
