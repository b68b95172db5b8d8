using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class NothingMappedTests
{
    private readonly DecoderDriver _default = new();

    [Theory]
    [InlineData("{}", "which is empty")]
    [InlineData("""{"Temperature":21.5,"Humidity":40}""", "\"Temperature\", and names match exactly")]
    [InlineData("""{"data":[{"temperature":1}]}""", "\"data[0].temperature\", further inside")]
    [InlineData("""{"data":{"HUMIDITY":1}}""", "\"data.HUMIDITY\", further inside, and names match exactly")]
    [InlineData("""{"data":{"temperature":1},"Humidity":2}""", "\"Humidity\", and names match exactly")]
    [InlineData("""{"a":1,"b":2,"c":3,"d":4}""", "\"a\", \"b\", \"c\", …")]
    [InlineData("""{"\ud800":1}""", "which has")]
    [InlineData("""{"specversion":"1.0","id":"1","data":{"temperature":1}}""", "an envelope of CloudEvents")]
    [InlineData("""{"id":"1","eventType":"Microsoft.Devices.DeviceTelemetry","data":{"body":"e30="}}""", "an envelope of Event Grid")]
    [InlineData("""{"EnqueuedTimeUtc":"","SystemProperties":{},"Body":{"temperature":1}}""", "an envelope of IoT Hub's routing")]
    public void A_reading_of_which_nothing_is_taken_is_rejected_with_its_nearest_miss(string body, string miss)
    {
        var rejection = _default.Rejection(body);

        Assert.Equal("nothing_mapped", RejectReasonCode.Of(rejection.Reason));
        Assert.StartsWith("Nothing that is mapped (\"temperature\", \"humidity\")", rejection.Detail, StringComparison.Ordinal);
        Assert.Contains(miss, rejection.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"temperature":null}""")]
    [InlineData("""{"humidity":null,"x":1}""")]
    [InlineData("""{"temp\u0065rature":null}""")]
    public void A_place_occurs_also_where_its_value_is_null(string body) => Assert.Equal([null, null], _default.Row(body));

    [Fact]
    public void A_place_below_null_occurs_and_one_that_a_later_name_takes_away_does_not()
    {
        var driver = DecoderDriver.Mapping(("a.b", ColumnType.Double), ("a.c.d", ColumnType.Double));

        Assert.Equal([null, null], driver.Row("""{"a":null}"""));
        Assert.Equal([null, null], driver.Row("""{"a":{"c":null}}"""));
        Assert.Equal(RejectReason.NothingMapped, driver.Rejection("""{"a":{"b":1},"a":{}}""").Reason);
        Assert.Equal(RejectReason.NothingMapped, driver.Rejection("""{"a":{"b":"wrong"},"a":{"x":1}}""").Reason);
        Assert.Equal([2.0, null], driver.Row("""{"a":{"b":1},"a":{},"a":{"b":2}}"""));
    }

    [Fact]
    public void A_property_or_a_module_that_is_mapped_and_there_is_taken()
    {
        var driver = DecoderDriver.Mapping(
            ("temperature", ColumnType.Double), ("property:site", ColumnType.Text), ("module", ColumnType.Text));

        Assert.Equal([null, "north", null], driver.Row(Message("{}", properties: new() { ["site"] = "north" })));
        Assert.Equal([null, null, null], driver.Row(Message("{}", properties: new() { ["site"] = null })));
        Assert.Equal([null, null, "filter"], driver.Row(Message("{}", module: "filter")));
        Assert.Equal(RejectReason.NothingMapped, driver.Rejection(Message("{}", properties: new() { ["other"] = 1 })).Reason);
    }

    [Fact]
    public void Each_element_of_an_array_is_looked_at_by_itself()
    {
        using var batch = _default.Decode("""[{"temperature":1},{"Temperature":2},{},{"humidity":null}]""");

        Assert.Equal([[1.0, null], [null, null]], Rows(batch));
        Assert.Equal(
            [(1, RejectReason.NothingMapped), (2, RejectReason.NothingMapped)],
            batch.Rejections.Select(rejection => (rejection.ElementIndex, rejection.Reason)));
    }

    [Fact]
    public void A_payload_column_takes_every_reading_and_AllowEmpty_makes_rows_of_NULLs()
    {
        Assert.Equal([null, null, "{}"], new DecoderDriver(new TelemetrySettings { PayloadColumn = "raw" }).Row("{}"));
        Assert.Equal([null, null], new DecoderDriver(new TelemetrySettings { AllowEmpty = true }).Row("""{"Temperature":1}"""));
    }

    [Fact]
    public void What_is_wrong_with_a_reading_is_said_before_that_nothing_is_taken()
    {
        Assert.Equal(RejectReason.DeviceMismatch, _default.Rejection("""{"device":"other"}""").Reason);
        Assert.Equal(
            RejectReason.WrongType, DecoderDriver.Mapping(("place.v", ColumnType.Double)).Rejection("""{"place":5}""").Reason);
    }

    [Fact]
    public void A_large_reading_is_searched_within_bounds()
    {
        var names = string.Join(',', Enumerable.Range(0, 5_000).Select(i => $"\"{new string('n', 20)}{i}\":{{\"x\":{i}}}"));

        Assert.InRange(_default.Rejection($"{{{names},\"Temperature\":1}}").Detail.Length, 50, 300);
        Assert.InRange(_default.Rejection($"{{\"{new string('ü', 5_000)}\":1}}").Detail.Length, 50, 300);
    }
}
