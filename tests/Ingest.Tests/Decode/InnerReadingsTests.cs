using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class InnerReadingsTests
{
    private static readonly DecoderDriver Default = new();

    private static readonly DecoderDriver Metrics = Inside(
        "metrics[*]", ("t", ColumnType.Double), ("$.site", ColumnType.Text), ("$.place.floor", ColumnType.Integer));

    [Fact]
    public void Readings_inside_take_what_is_theirs_and_what_the_outer_object_has()
    {
        using var batch = Metrics.Decode(
            """{"metrics":[{"t":1},{"t":2,"site":"theirs"}],"site":"n\u006frth","place":{"floor":3}}""", """{"metrics":[{"t":3}]}""");

        Assert.Equal([[1.0, "north", 3], [2.0, "north", 3], [3.0, null, null]], Rows(batch));
        Assert.Equal([0, 1, 0], batch.Readings.ElementIndexes.ToArray());
    }

    [Fact]
    public void A_place_may_repeat_at_several_levels_and_name_one_object()
    {
        using var batch = Inside("data[*].values[*]", ("v", ColumnType.Double))
            .Decode("""{"data":[{"values":[{"v":1},{"v":2}]},{"values":[]},{"values":null},{"values":[{"v":3}]}]}""");

        Assert.Equal([[1.0], [2.0], [3.0]], Rows(batch));
        Assert.Equal([0, 1, 2], batch.Readings.ElementIndexes.ToArray());
        Assert.Equal([7.0], Inside("payload.now", ("v", ColumnType.Double)).Row("""{"payload":{"now":{"v":7}}}"""));
        Assert.Equal([8.0], Inside("a[1]", ("v", ColumnType.Double)).Row("""{"a":[{"v":7},{"v":8}]}"""));
        Assert.Equal([9.0], Inside("$[*].m[*]", ("v", ColumnType.Double)).Row("""[{"m":[{"v":9}]}]"""));
    }

    [Fact]
    public void A_bad_reading_inside_disturbs_no_other()
    {
        using var batch = Metrics.Decode("""{"metrics":[{"t":1},{"t":"x"},5,{"T":1},{"t":2}],"site":null}""");

        Assert.Equal([[1.0, null, null], [2.0, null, null]], Rows(batch));
        Assert.Equal(
            [(1, RejectReason.WrongType), (2, RejectReason.NotObject), (3, RejectReason.NothingMapped)],
            batch.Rejections.Select(rejection => (rejection.ElementIndex, rejection.Reason)));
    }

    [Theory]
    [InlineData("""{"Metrics":[{"t":1}]}""", "\"metrics\" is not in the body")]
    [InlineData("""{"metrics":{"t":1}}""", "\"metrics[*]\" is not in the body")]
    [InlineData("""{"metrics":5}""", "\"metrics[*]\" is not in the body")]
    [InlineData("""[{"metrics":[]}]""", "\"metrics\" is not in the body")]
    [InlineData("null", "\"metrics\" is not in the body")]
    public void A_body_without_the_place_of_its_readings_is_rejected(string body, string what)
    {
        var rejection = Metrics.Rejection(body);

        Assert.Equal(RejectReason.NothingMapped, rejection.Reason);
        Assert.Contains(what, rejection.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"metrics":[]}""")]
    [InlineData("""{"metrics":null}""")]
    [InlineData("""{"metrics":[{"t":1}],"metrics":[]}""")]
    public void A_body_whose_readings_are_none_is_ignored(string body)
    {
        using var batch = Metrics.Decode(body);

        Assert.Equal((0, 0, 1L), (batch.Readings.Count, batch.Rejections.Count, batch.Ignored));
    }

    [Fact]
    public void Of_repeated_names_the_last_counts_outside_too()
    {
        using var batch = Metrics.Decode("""{"metrics":[{"t":1}],"site":"a","metrics":[{"t":2}],"site":"b"}""");

        Assert.Equal([[2.0, "b", null]], Rows(batch));
    }

    [Fact]
    public void What_is_wrong_outside_rejects_each_reading()
    {
        Assert.Equal("$.place is 5, where an object is expected.", Metrics.Rejection("""{"metrics":[{"t":1}],"place":5}""").Detail);
        Assert.Equal(RejectReason.WrongType, Metrics.Rejection("""{"metrics":[{"t":1}],"site":5}""").Reason);
        Assert.Equal([1.0, null, null], Metrics.Row("""{"metrics":[{"t":1}],"place":null}"""));
        Assert.Equal(RejectReason.NothingMapped, Metrics.Rejection("""{"metrics":[{}],"site":"x"}""").Reason);
    }

    [Fact]
    public void A_root_that_is_an_array_has_elements_that_readings_can_take_from()
    {
        using var batch = Mapping(("$[0].site", ColumnType.Text), ("t", ColumnType.Integer))
            .Decode("""[{"site":"north","t":1},{"t":2}]""");

        Assert.Equal([["north", 1], ["north", 2]], Rows(batch));
    }

    [Fact]
    public void Nesting_counts_from_the_bodys_outermost_bracket()
    {
        static string Nested(int levels) =>
            $$"""{"metrics":[{"x":{{new string('[', levels - 3)}}{{new string(']', levels - 3)}},"t":1}]}""";

        Assert.Equal([1.0, null, null], Metrics.Row(Nested(64)));
        Assert.Equal(RejectReason.TooDeep, Metrics.Rejection(Nested(65)).Reason);
    }

    [Theory]
    [InlineData("{\"temperature\":1}\n{\"temperature\":2}\n")]
    [InlineData("{\"temperature\":1}{\"temperature\":2}")]
    [InlineData("{\"temperature\":1}\r\n\r\n[{\"temperature\":2}]")]
    [InlineData("[]{\"temperature\":1}[{\"temperature\":2},{\"temperature\":\"x\"}]")]
    public void Values_that_follow_one_another_are_readings_like_an_arrays_elements(string body)
    {
        using var batch = Default.Decode(body);

        Assert.Equal([[1.0, null], [2.0, null]], Rows(batch));
        Assert.Equal([0, 1], batch.Readings.ElementIndexes.ToArray());
        Assert.Equal(body.Contains('x', StringComparison.Ordinal) ? 3 : 2, batch.Received);
    }

    [Theory]
    [InlineData("{\"temperature\":1}\n{\"temperature\":")]
    [InlineData("{\"temperature\":1},{\"temperature\":2}")]
    [InlineData("{\"temperature\":1}\n}")]
    [InlineData("{\"temperature\":1} x")]
    public void Values_that_are_not_JSON_to_the_end_are_rejected_whole(string body)
    {
        var rejection = Default.Rejection(body);

        Assert.Equal((RejectReason.NotJson, -1), (rejection.Reason, rejection.ElementIndex));
    }

    [Fact]
    public void Each_of_several_values_is_a_root_with_readings_inside()
    {
        using var batch = Metrics.Decode(
            "{\"metrics\":[{\"t\":1}],\"site\":\"a\"}\n{\"metrics\":[{\"t\":2}]}\n{\"other\":1}\n5");

        Assert.Equal([[1.0, "a", null], [2.0, null, null]], Rows(batch));
        Assert.Equal([2, 3], batch.Rejections.Select(rejection => rejection.ElementIndex));
        using var rooted = Mapping(("$.t", ColumnType.Integer)).Decode("{\"t\":1}\n{\"t\":2}");
        Assert.Equal([[1], [2]], Rows(rooted));
    }

    [Theory]
    [InlineData(10_000, true)]
    [InlineData(10_001, false)]
    public void The_most_readings_of_a_message_are_the_same_however_it_holds_them(int count, bool taken)
    {
        const string One = """{"t":1}""";
        var half = count / 2;
        foreach (
            var (driver, body) in new[]
            {
                (Metrics, $$"""{"metrics":[{{string.Join(',', Enumerable.Repeat(One, count))}}]}"""),
                (Metrics, $$"""
                    {"metrics":[{{string.Join(',', Enumerable.Repeat(One, half))}}]}
                    {"metrics":[{{string.Join(',', Enumerable.Repeat(One, count - half))}}]}
                    """),
                (Mapping(("t", ColumnType.Double)), string.Join('\n', Enumerable.Repeat(One, count))),
                (Mapping(("t", ColumnType.Double)), string.Concat(Enumerable.Repeat($"[{One}]", count))),
            })
        {
            using var batch = driver.Decode(body);
            Assert.Equal((taken ? count : 0, taken ? 0 : 1), (batch.Readings.Count, batch.Rejections.Count));
            Assert.All(batch.Rejections, rejection => Assert.Equal(RejectReason.TooManyReadings, rejection.Reason));
        }
    }

    [Fact]
    public void A_long_text_that_goes_to_every_reading_is_bounded_by_what_it_comes_to()
    {
        var body = $$"""{"site":"{{new string('s', 20_000)}}","metrics":[{{string.Join(',', Enumerable.Repeat("{\"t\":1}", 5_000))}}]}""";
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var batch = Metrics.Decode(body);

        Assert.Equal(16 * 1024 * 1024 / 20_000, batch.Readings.Count);
        Assert.Equal(5_000, batch.Received);
        Assert.Equal(RejectReason.TooLarge, batch.Rejections[0].Reason);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 300_000_000);
    }

    [Theory]
    [InlineData("metrics[", "character 9")]
    [InlineData("property:x", "is not in the body")]
    public void A_place_of_readings_that_cannot_be_read_is_refused(string readings, string what)
    {
        var failure = Assert.Single(TelemetryMapping.Validate(new TelemetrySettings { Readings = readings }));

        Assert.StartsWith("Telemetry:Readings: ", failure, StringComparison.Ordinal);
        Assert.Contains(what, failure, StringComparison.Ordinal);
    }

    private static DecoderDriver Inside(string readings, params (string From, ColumnType Type)[] columns)
    {
        var settings = new TelemetrySettings { Readings = readings };
        foreach (var (from, type) in columns)
        {
            settings.Columns.Add(new ColumnSettings { Name = $"c{settings.Columns.Count}", From = from, Type = type });
        }

        return new DecoderDriver(settings);
    }
}
