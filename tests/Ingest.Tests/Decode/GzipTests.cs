using System.IO.Compression;
using System.Text;
using Ingest.Decode;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class GzipTests
{
    private static readonly byte[] Reading = Encoding.UTF8.GetBytes("""{"temperature":21.5}""");
    private readonly DecoderDriver _driver = new();

    [Theory]
    [InlineData("gzip")]
    [InlineData("GZip")]
    [InlineData(" x-gzip ")]
    public void A_gzip_body_is_inflated(string encoding)
    {
        Assert.Equal([21.5, null], _driver.Row(Message(Compress(Reading), encoding: encoding)));
        Assert.Equal([21.5, null], _driver.Row(Message(Compress([0xef, 0xbb, 0xbf, .. Reading]), encoding: encoding)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("utf-8")]
    [InlineData("UTF-8")]
    [InlineData("us-ascii")]
    [InlineData("identity")]
    public void An_encoding_that_names_the_character_set_or_nothing_is_understood(string? encoding) =>
        Assert.Equal([21.5, null], _driver.Row(Message(Reading, encoding: encoding)));

    [Theory]
    [InlineData("br")]
    [InlineData("utf-7")]
    [InlineData("gzip, gzip")]
    public void An_unknown_encoding_is_rejected(string encoding) =>
        Assert.Equal(RejectReason.BadEncoding, _driver.Rejection(Reading, encoding).Reason);

    [Fact]
    public void Concatenated_members_are_one_text()
    {
        byte[] body = [.. Compress(Reading[..7]), .. Compress(Reading[7..])];

        Assert.Equal([21.5, null], _driver.Row(Message(body, encoding: "gzip")));
    }

    [Fact]
    public void A_body_cut_anywhere_is_rejected()
    {
        var body = Compress(Reading);
        for (var length = 1; length < body.Length; length++)
        {
            Assert.Equal(RejectReason.BadEncoding, _driver.Rejection(body[..length], "gzip").Reason);
        }
    }

    [Fact]
    public void A_changed_byte_is_rejected_or_changes_nothing()
    {
        var body = Compress(Reading);
        for (var i = 0; i < body.Length; i++)
        {
            var changed = body.ToArray();
            changed[i] ^= 0x10;
            using var batch = _driver.Decode(Message(changed, encoding: "gzip"));

            // A time, hints and padding may change and mean nothing.
            Assert.True(
                batch.Readings.Count == 1 ? Rows(batch)[0] is [21.5, null] : batch.Rejections[0].Reason == RejectReason.BadEncoding,
                $"byte {i}");
        }
    }

    [Theory]
    [InlineData(new byte[] { 1 })]
    [InlineData(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x1f, 0x8b })]
    public void Anything_behind_the_last_member_is_rejected(byte[] rest) =>
        Assert.Equal(RejectReason.BadEncoding, _driver.Rejection([.. Compress(Reading), .. rest], "gzip").Reason);

    [Fact]
    public void What_is_not_gzip_is_rejected_and_a_blank_text_is_not_JSON()
    {
        Assert.Equal("The content-encoding is gzip, and the body is not.", _driver.Rejection(Reading, "gzip").Detail);
        Assert.Equal(RejectReason.BadEncoding, _driver.Rejection([], "gzip").Reason);
        Assert.Equal(RejectReason.NotJson, _driver.Rejection(Compress([(byte)' ']), "gzip").Reason);
    }

    [Fact]
    public void A_text_of_1_MiB_is_taken_and_a_longer_one_is_not()
    {
        static byte[] Padded(int length) => Encoding.UTF8.GetBytes("""{"temperature":21.5}""".PadRight(length));

        Assert.Equal([21.5, null], _driver.Row(Message(Compress(Padded(1024 * 1024)), encoding: "gzip")));
        Assert.Equal(RejectReason.TooLarge, _driver.Rejection(Compress(Padded((1024 * 1024) + 1)), "gzip").Reason);
    }

    [Fact]
    public void A_bomb_is_rejected_without_being_inflated()
    {
        var bomb = Compress(new byte[64 * 1024 * 1024]);
        Assert.InRange(bomb.Length, 1, MessageBody.Longest);
        _driver.Rejection(bomb, "gzip");
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(RejectReason.TooLarge, _driver.Rejection(bomb, "gzip").Reason);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * 1024 * 1024);
    }

    [Fact]
    public void Values_of_an_inflated_body_outlive_the_buffer_it_was_inflated_into()
    {
        var driver = DecoderDriver.Mapping(("site", Ingest.Settings.ColumnType.Text), ("data", Ingest.Settings.ColumnType.Jsonb));
        using var batch = driver.Decode(
            Message(Compress("""{"site":"north","data":{"a":1}}"""u8.ToArray()), encoding: "gzip"),
            Message(Compress("""{"site":"xxxxx","data":{"x":9}}"""u8.ToArray()), encoding: "gzip"));

        Assert.Equal([["north", """{"a":1}"""], ["xxxxx", """{"x":9}"""]], Rows(batch));
    }

    private static byte[] Compress(byte[] text)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(text);
        }

        return result.ToArray();
    }
}
