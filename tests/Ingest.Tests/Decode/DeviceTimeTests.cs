using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class DeviceTimeTests
{
    private static readonly DateTime Measured = new(2026, 3, 4, 5, 6, 7, 891, DateTimeKind.Utc);

    [Theory]
    [InlineData("body:ts", TimeFormat.Iso8601, """{"ts":"2026-03-04T05:06:07.8919Z","temperature":1}""")]
    [InlineData("body:ts", TimeFormat.Iso8601, """{"ts":"2026-03-04T07:06:07.891+02:00","temperature":1}""")]
    [InlineData("body:ts", TimeFormat.Iso8601, """{"ts":"x","temperature":1,"t\u0073":"2026-03-04T05:06:07\u002e891Z"}""")]
    [InlineData("body:meta[1].ts", TimeFormat.EpochSeconds, """{"meta":[0,{"ts":1772600767.8919}],"temperature":1}""")]
    [InlineData("body:$.ts", TimeFormat.EpochSeconds, """{"ts":"1772600767.891","temperature":1}""")]
    [InlineData("body:ts", TimeFormat.EpochMilliseconds, """{"ts":1772600767891,"temperature":1}""")]
    [InlineData("body:ts", TimeFormat.EpochMilliseconds, """{"ts":1.772600767891e12,"temperature":1}""")]
    [InlineData("body:ts", TimeFormat.EpochMicroseconds, """{"ts":1772600767891999,"temperature":1}""")]
    public void The_row_has_the_time_that_the_device_gives(string source, TimeFormat format, string body)
    {
        using var batch = Of(source, format).Decode(Message(body), Message(body));

        Assert.Equal([Measured, Measured], batch.Readings.Stamps.ToArray().Select(stamp => stamp.ToDateTime()));
    }

    public static TheoryData<object> Properties =>
        [Measured, new DateTimeOffset(Measured.AddTicks(9_999)), "1772600767891", 1_772_600_767_891L];

    [Theory]
    [MemberData(nameof(Properties))]
    public void A_property_may_name_it_in_any_case_and_as_what_it_is(object value)
    {
        using var batch = Of("property:Measured", TimeFormat.EpochMilliseconds).Decode(
            Message("""[{"temperature":1},{"temperature":2}]""", properties: new() { ["measured"] = value }));

        Assert.Equal([Measured, Measured], batch.Readings.Stamps.ToArray().Select(stamp => stamp.ToDateTime()));
    }

    [Theory]
    [InlineData("""{"temperature":1}""", "ts is missing")]
    [InlineData("""{"temperature":1,"ts":null}""", "ts is missing")]
    [InlineData("""{"temperature":1,"ts":"yesterday"}""", "ts is \"yesterday\", where a string with an ISO 8601 time and its offset")]
    [InlineData("""{"temperature":1,"ts":"2026-03-04T05:06:07"}""", "Telemetry:TimeFormat")]
    [InlineData("""{"temperature":1,"ts":1772600767}""", "ts is 1772600767")]
    [InlineData("""{"temperature":1,"ts":{}}""", "ts is {}")]
    public void A_reading_without_it_is_rejected_or_takes_the_stamp(string body, string what)
    {
        var rejection = Of("body:ts").Rejection(body);
        var fallback = Of("body:ts", without: WithoutTime.Stamp);
        using var batch = fallback.Decode(body);

        Assert.Equal(RejectReason.TimeMissing, rejection.Reason);
        Assert.Contains(what, rejection.Detail, StringComparison.Ordinal);
        Assert.Equal(Noon, batch.Readings.Stamps[0].ToDateTime());
        Assert.Equal(RejectReason.TimeMissing, fallback.Rejection(Message("{\"temperature\":1}"u8.ToArray(), withoutTime: true)).Reason);
    }

    [Fact]
    public void It_is_bounded_like_a_stamp_reading_by_reading()
    {
        var driver = new DecoderDriver(new TelemetrySettings { TimeSource = "body:ts", OldestAccepted = TimeSpan.FromDays(30) });
        using var batch = driver.Decode(
            """
            [{"temperature":1,"ts":"2014-01-01T00:00:00Z"},{"temperature":2,"ts":"2026-03-05T12:00:00.001Z"},
             {"temperature":3,"ts":"2026-02-02T11:59:59.999Z"},{"temperature":4,"ts":"2026-02-02T12:00:00Z"}]
            """);

        Assert.Equal([[4.0, null]], Rows(batch));
        Assert.Equal(1, batch.Ignored);
        Assert.All(batch.Rejections, rejection => Assert.Equal(RejectReason.TimeOutOfBounds, rejection.Reason));
        Assert.StartsWith("ts 2014-01-01T00:00:00.000Z is not between", batch.Rejections[0].Detail, StringComparison.Ordinal);
        Assert.Equal(4, batch.Received);
    }

    [Fact]
    public void What_expired_in_a_body_that_is_no_JSON_is_counted_once()
    {
        var driver = new DecoderDriver(new TelemetrySettings { TimeSource = "body:ts", OldestAccepted = TimeSpan.FromDays(30) });
        using var batch = driver.Decode("""[{"temperature":3,"ts":"2026-01-01T00:00:00Z"},""");

        Assert.Equal((1L, 0L), (batch.Received, batch.Ignored));
    }

    [Fact]
    public void A_message_without_a_stamp_is_stored_by_its_own_time() => Assert.Equal(
        [1.0, null],
        Of("body:ts").Row(Message("""{"temperature":1,"ts":"2026-03-04T05:06:07Z"}"""u8.ToArray(), withoutTime: true)));

    [Fact]
    public void The_outer_objects_time_goes_to_each_reading_inside()
    {
        var driver = new DecoderDriver(new TelemetrySettings { TimeSource = "body:$.ts", Readings = "m[*]" });
        using var batch = driver.Decode("""{"m":[{"temperature":1},{"temperature":2}],"ts":"2026-03-04T05:06:07.891Z"}""");

        Assert.Equal([Measured, Measured], batch.Readings.Stamps.ToArray().Select(stamp => stamp.ToDateTime()));
    }

    [Fact]
    public void A_time_without_an_offset_is_read_where_the_settings_give_one()
    {
        var settings = new TelemetrySettings { TimeSource = "body:ts", TimeZone = "+02:00" };
        settings.Columns.Add(new ColumnSettings { Name = "at", Type = ColumnType.Timestamptz });
        using var batch = new DecoderDriver(settings).Decode(
            """[{"ts":"2026-03-04T07:06:07.891","at":"2026-03-04T07:06:07.891"},{"ts":"2026-03-04T05:06:07.891Z","at":null}]""");

        Assert.Equal([Measured, Measured], batch.Readings.Stamps.ToArray().Select(stamp => stamp.ToDateTime()));
        Assert.Equal([[Measured], [null]], Rows(batch));
    }

    [Theory]
    [InlineData(TimeFormat.EpochSeconds, "1772600767.891234567", 1_772_600_767_891_234)]
    [InlineData(TimeFormat.EpochSeconds, "\"-1.5\"", -1_500_000)]
    [InlineData(TimeFormat.EpochMilliseconds, "1772600767891.9", 1_772_600_767_891_900)]
    [InlineData(TimeFormat.EpochMicroseconds, "-0.5", -1)]
    public void A_column_reads_times_in_its_format(TimeFormat format, string json, long microseconds) => Assert.Equal(
        [new Instant(microseconds).ToDateTime()], Column(format).Row($$"""{"at":{{json}}}"""));

    [Theory]
    [InlineData(TimeFormat.EpochSeconds, "1e300")]
    [InlineData(TimeFormat.EpochSeconds, "253402300800")]
    [InlineData(TimeFormat.EpochSeconds, "-62135596801")]
    [InlineData(TimeFormat.EpochSeconds, "\"2026-03-04T05:06:07Z\"")]
    [InlineData(TimeFormat.EpochSeconds, "\" 1\"")]
    [InlineData(TimeFormat.EpochMilliseconds, "\"1,5\"")]
    [InlineData(TimeFormat.EpochMilliseconds, "\"\"")]
    [InlineData(TimeFormat.EpochMilliseconds, "true")]
    public void What_is_no_time_in_the_columns_format_is_rejected(TimeFormat format, string json) =>
        Assert.Equal(RejectReason.WrongType, Column(format).Rejection($$"""{"at":{{json}}}""").Reason);

    [Theory]
    [InlineData("Device", "Telemetry:TimeSource: \"Device\" is no stamp and no place")]
    [InlineData("body:a..b", "Telemetry:TimeSource: \"body:a..b\" cannot be read at character 8")]
    [InlineData("property:", "Telemetry:TimeSource: \"property:\" cannot be read at character 10")]
    public void A_source_that_cannot_be_read_is_refused(string source, string what) => Assert.StartsWith(
        what, Assert.Single(TelemetryMapping.Validate(new TelemetrySettings { TimeSource = source })), StringComparison.Ordinal);

    [Fact]
    public void A_zone_with_summer_time_is_refused() => Assert.StartsWith(
        "Telemetry:TimeZone: \"Europe/Berlin\" is no offset",
        Assert.Single(TelemetryMapping.Validate(new TelemetrySettings { TimeZone = "Europe/Berlin" })),
        StringComparison.Ordinal);

    private static DecoderDriver Of(string source, TimeFormat format = default, WithoutTime without = default) =>
        new(new TelemetrySettings { TimeSource = source, TimeFormat = format, WithoutTime = without });

    private static DecoderDriver Column(TimeFormat format)
    {
        var settings = new TelemetrySettings();
        settings.Columns.Add(new ColumnSettings { Name = "at", Type = ColumnType.Timestamptz, Format = format });
        return new DecoderDriver(settings);
    }
}
