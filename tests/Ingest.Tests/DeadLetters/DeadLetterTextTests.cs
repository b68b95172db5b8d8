using System.Text.Json;
using Ingest.DeadLetters;
using Xunit;

namespace Ingest.Tests.DeadLetters;

public sealed class DeadLetterTextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a\0b", "a\uFFFDb")]
    [InlineData("pair \uD83D\uDE00", "pair \uD83D\uDE00")]
    [InlineData(null, null)]
    public void Text_that_PostgreSQL_refuses_is_replaced(string? text, string? clean) => Assert.Equal(clean, DeadLetterText.Clean(text));

    // No theory: an attribute's text is stored as UTF-8, which has no half pairs.
    [Fact]
    public void Half_a_surrogate_pair_is_replaced()
    {
        Assert.Equal("\uFFFD", DeadLetterText.Clean("\uD800"));
        Assert.Equal("x\uFFFDy", DeadLetterText.Clean("x\uDC00y"));
    }

    [Fact]
    public void Properties_of_every_AMQP_type_become_JSON()
    {
        var id = Guid.NewGuid();
        var json = DeadLetterText.Properties(new Dictionary<string, object?>
        {
            ["null"] = null,
            ["bool"] = true,
            ["byte"] = (byte)1,
            ["short"] = (short)-2,
            ["ulong"] = ulong.MaxValue,
            ["float"] = 1.5f,
            ["nan"] = double.NaN,
            ["infinity"] = float.PositiveInfinity,
            ["decimal"] = 1.25m,
            ["char"] = '\0',
            ["time"] = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
            ["uuid"] = id,
            ["binary"] = new byte[] { 1, 2 },
            ["list"] = new object[] { 1, "x\0" },
            ["map"] = new Dictionary<string, object> { ["in\0"] = 1 },
            ["na\0me"] = "\uD800",
        });

        var root = JsonDocument.Parse(json).RootElement;
        Assert.DoesNotContain("\\u0000", json, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, root.GetProperty("null").ValueKind);
        Assert.True(root.GetProperty("bool").GetBoolean());
        Assert.Equal(ulong.MaxValue, root.GetProperty("ulong").GetUInt64());
        Assert.Equal("NaN", root.GetProperty("nan").GetString());
        Assert.Equal("Infinity", root.GetProperty("infinity").GetString());
        Assert.Equal("\uFFFD", root.GetProperty("char").GetString());
        Assert.Equal("2026-01-02T03:04:05.0000000Z", root.GetProperty("time").GetString());
        Assert.Equal(id.ToString(), root.GetProperty("uuid").GetString());
        Assert.Equal("AQI=", root.GetProperty("binary").GetString());
        Assert.Equal("x\uFFFD", root.GetProperty("list")[1].GetString());
        Assert.Equal(1, root.GetProperty("map").GetProperty("in\uFFFD").GetInt32());
        Assert.Equal("\uFFFD", root.GetProperty("na\uFFFDme").GetString());
    }

    [Fact]
    public void Nesting_without_end_becomes_text()
    {
        var loop = new List<object>();
        loop.Add(loop);

        Assert.Contains("List", DeadLetterText.Properties(new Dictionary<string, object?> { ["loop"] = loop }), StringComparison.Ordinal);
    }
}
