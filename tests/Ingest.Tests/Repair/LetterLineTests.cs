using System.Text;
using System.Text.Json.Nodes;
using Ingest.DeadLetters;
using Ingest.Repair;
using Xunit;

namespace Ingest.Tests.Repair;

public sealed class LetterLineTests
{
    [Theory]
    [InlineData("{\"a\": 1.50,\n \"a\": 12345678901234567890 }", "body", "{\"a\":1.50,\"a\":12345678901234567890}")]
    [InlineData("21", "body", "21")]
    [InlineData("null", "body", "null")]
    [InlineData("{} {}", "bodyText", "{} {}")]
    [InlineData("", "bodyText", "")]
    [InlineData("\uFEFF{}", "bodyText", "\uFEFF{}")]
    [InlineData("\"\\ud800\"", "bodyText", "\"\\ud800\"")]
    public void A_body_stands_in_it_as_json_where_it_is_json_else_as_text(string body, string name, string readBack)
    {
        var line = LetterLine.Write(Letter(Encoding.UTF8.GetBytes(body)));

        Assert.Equal(
            [name],
            JsonNode.Parse(line)!.AsObject().Select(member => member.Key).Where(key => key.StartsWith("body", StringComparison.Ordinal)));
        Assert.Equal(readBack, Encoding.UTF8.GetString(LetterLine.Read(line).Body));
    }

    [Fact]
    public void Any_bytes_come_back_as_they_were_on_one_line_of_plain_ascii()
    {
        var random = new Random(1);
        for (var round = 0; round < 2_000; round++)
        {
            var body = new byte[random.Next(12)];
            random.NextBytes(body);
            var line = LetterLine.Write(Letter(body));

            Assert.DoesNotContain(line[..^1], one => one is < 0x20 or > 0x7e);
            Assert.Equal(body, LetterLine.Read(line).Body);
        }
    }

    [Fact]
    public void All_that_can_be_mended_is_read_back()
    {
        var read = LetterLine.Read(LetterLine.Write(Letter("{}"u8.ToArray())));

        Assert.Equal(new byte[] { 1, 2 }, read.Key);
        Assert.Equal(new DateTime(2026, 5, 1, 12, 0, 0, 123, DateTimeKind.Utc), read.Time);
        Assert.Equal(("pumpe \u202E", 7, "t", "gzip"), (read.Device, read.Element, read.ContentType, read.ContentEncoding));
        Assert.Equal(("""{"n":1.0}""", """{"x":null}"""), (read.Properties, read.Annotations));
    }

    [Theory]
    [InlineData("[]", "no JSON object")]
    [InlineData("{}", "has no key")]
    [InlineData("""{"key":"xy","body":1}""", "'xy' is not hexadecimal")]
    [InlineData("""{"key":"00"}""", "none of body")]
    [InlineData("""{"key":"00","body":1,"body":2}""", "body twice")]
    [InlineData("""{"key":"00","bodyText":1}""", "bodyText is no text")]
    [InlineData("""{"key":"00","bodyBase64":"="}""", "no base64")]
    [InlineData("""{"key":"00","body":1,"element":1.5}""", "no whole number")]
    [InlineData("""{"key":"00","body":1,"time":"noon"}""", "'noon' is none like")]
    [InlineData("""{"key":"00","body":1,"properties":[]}""", "properties are no JSON object")]
    [InlineData("""{"key":"00","body":1,"Device":"a"}""", "has Device, which no letter has")]
    [InlineData("""{"key":"00","bodyText":"\ud800"}""", "half of a surrogate pair")]
    [InlineData("""{"key":""", "no JSON from byte 7")]
    public void What_is_wrong_with_a_line_is_said(string line, string expected) =>
        Assert.Contains(
            expected,
            Assert.Throws<FormatException>(() => LetterLine.Read(Encoding.UTF8.GetBytes(line))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Damaged_lines_are_refused_and_nothing_else_happens()
    {
        var good = LetterLine.Write(Letter("""{"temperature":"21","list":[1,{"a":"\u00e4"}]}"""u8.ToArray()));
        var random = new Random(7);
        for (var round = 0; round < 20_000; round++)
        {
            var line = good.ToArray();
            for (var change = 0; change < 1 + random.Next(3); change++)
            {
                line[random.Next(line.Length)] = (byte)random.Next(256);
            }

            try
            {
                LetterLine.Read(line.AsMemory(0, random.Next(line.Length + 1)));
            }
            catch (FormatException)
            {
                // As it should.
            }
        }
    }

    private static StoredDeadLetter Letter(byte[] body) => new()
    {
        Key = [1, 2],
        Time = new DateTime(2026, 5, 1, 12, 0, 0, 123, DateTimeKind.Utc),
        Device = "pumpe \u202E",
        Element = 7,
        Reason = "wrong_type",
        Detail = "\e[2J",
        ContentType = "t",
        ContentEncoding = "gzip",
        Properties = """{"n":1.0}""",
        Annotations = """{"x":null}""",
        Body = body,
    };
}
