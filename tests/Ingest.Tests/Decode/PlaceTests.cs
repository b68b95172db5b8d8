using System.Text;
using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class PlaceTests
{
    [Theory]
    [InlineData("a.b", """{"a":{"b":7}}""")]
    [InlineData("$.a.b", """{"a":{"b":7}}""")]
    [InlineData("$['a'].b", """{"a":{"b":7}}""")]
    [InlineData("body:a.b", """{"a":{"b":7}}""")]
    [InlineData("a[0].b", """{"a":[{"b":7},{"b":8}]}""")]
    [InlineData("sensors[2].value", """{"sensors":[1,{"value":2},{"value":7},[]]}""")]
    [InlineData("a[1][0]", """{"a":[[1],[7,8]]}""")]
    [InlineData("['sensor.temperature']", """{"sensor":{"temperature":1},"sensor.temperature":7}""")]
    [InlineData("""a["b]"].c""", """{"a":{"b]":{"c":7}}}""")]
    [InlineData("""['it\'s']""", """{"it's":7}""")]
    [InlineData("['module']", """{"module":7}""")]
    [InlineData("body:module", """{"module":7}""")]
    [InlineData("['ns:tag']", """{"ns:tag":7}""")]
    [InlineData("['$version']", """{"$version":7}""")]
    [InlineData("['']", """{"":7}""")]
    [InlineData("größe.x y", """{"gr\u00f6\u00dfe":{"x y":7}}""")]
    [InlineData("property:Site", "{}")]
    [InlineData("PROPERTY:SITE", "{}")]
    [InlineData("annotation:iothub-creation-time-utc", "{}")]
    public void A_place_is_read_where_it_is(string place, string body)
    {
        var message = new Ingest.Events.RawEvent
        {
            Hub = "hub",
            Partition = "0",
            DeviceId = "dev-1",
            RowTime = Noon,
            Properties = new Dictionary<string, object?> { ["sitE"] = 7 },
            Annotations = new Dictionary<string, object?> { ["iothub-creation-time-utc"] = 7 },
            Body = Encoding.UTF8.GetBytes(body),
        };

        Assert.Equal([7], DecoderDriver.Mapping((place, ColumnType.Integer)).Row(message));
    }

    [Theory]
    [InlineData("", 1, "a name is missing")]
    [InlineData("$", 2, "Telemetry:PayloadColumn")]
    [InlineData("$a", 1, "['$a']")]
    [InlineData("$..a", 3, "a name is missing")]
    [InlineData("a..b", 3, "a name is missing")]
    [InlineData("a.", 3, "a name is missing")]
    [InlineData(".a", 1, "a name is missing")]
    [InlineData("a.*", 3, "Telemetry:Readings")]
    [InlineData("a[*].b", 3, "Telemetry:Readings")]
    [InlineData("a[-1]", 3, "an element's index")]
    [InlineData("a[?(@.b>1)]", 3, "no filter")]
    [InlineData("a[1:2]", 4, "closing bracket")]
    [InlineData("a[9999999]", 3, "an element's index")]
    [InlineData("a[0", 4, "closing bracket")]
    [InlineData("a['b", 5, "closing '")]
    [InlineData("a[0]b", 5, "a dot or a bracket")]
    [InlineData("a]", 2, "in brackets")]
    [InlineData("propery:site", 8, "property: and annotation:")]
    [InlineData("property:", 10, "no name follows")]
    [InlineData("annotation:", 12, "no name follows")]
    public void A_place_that_cannot_be_read_is_refused_with_the_position_of_its_fault(string place, int position, string what)
    {
        var settings = new TelemetrySettings();
        settings.Columns.Add(new ColumnSettings { Name = "c", From = place });
        var failure = Assert.Single(TelemetryMapping.Validate(settings));

        Assert.StartsWith(
            $"Telemetry:Columns:0:From: \"{place}\" cannot be read at character {position}: ", failure, StringComparison.Ordinal);
        Assert.Contains(what, failure, StringComparison.Ordinal);
    }

    [Fact]
    public void An_element_that_is_not_there_is_NULL_and_what_is_no_array_a_wrong_type()
    {
        var driver = DecoderDriver.Mapping(("a[1].b", ColumnType.Integer), ("t", ColumnType.Integer));

        Assert.Equal([null, 1], driver.Row("""{"a":[{"b":7}],"t":1}"""));
        Assert.Equal([null, 1], driver.Row("""{"a":[],"t":1}"""));
        Assert.Equal([null, null], driver.Row("""{"a":null}"""));
        Assert.Equal([8, null], driver.Row("""{"a":[{},{"b":7}],"a":[1,{"b":8}]}"""));
        Assert.Equal([null, 1], driver.Row("""{"a":[{},{"b":7}],"a":[],"t":1}"""));
        Assert.Equal("a is {\"1\":{\"b\":7}}, where an array is expected.", driver.Rejection("""{"a":{"1":{"b":7}}}""").Detail);
        Assert.Equal("a[1] is 5, where an object is expected.", driver.Rejection("""{"a":[0,5]}""").Detail);
    }

    [Fact]
    public void A_whole_array_and_its_elements_may_be_mapped_at_once()
    {
        var driver = DecoderDriver.Mapping(("a", ColumnType.Jsonb), ("a[0]", ColumnType.Integer), ("a[1].b", ColumnType.Integer));

        Assert.Equal(["""[1,{"b":2}]""", 1, 2], driver.Row("""{"a":[1,{"b":2}]}"""));
    }

    [Fact]
    public void The_root_of_a_body_that_is_an_array_is_not_its_elements()
    {
        var driver = DecoderDriver.Mapping(("$.t", ColumnType.Integer), ("u", ColumnType.Integer));

        Assert.Equal([1, 2], driver.Row("""{"t":1,"u":2}"""));
        Assert.Equal([null, 2], driver.Row("""[{"t":1,"u":2}]"""));
        Assert.Contains("\"t\", and $ is the body's root", driver.Rejection("""[{"t":1}]""").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_match_in_any_case_only_where_that_is_set()
    {
        var settings = new TelemetrySettings { IgnoreCase = true };
        settings.Columns.Add(new ColumnSettings { Name = "t", From = "Größe.Temperature" });
        settings.Columns.Add(new ColumnSettings { Name = "h", From = "größe.humidity" });
        var driver = new DecoderDriver(settings);

        Assert.Equal([21.5, 40.0], driver.Row("""{"GRÖSSE":1,"GRÖßE":{"TEMPERATURE":21.5,"hUMIDITY":40}}"""));
        Assert.Equal([2.0, null], driver.Row("""{"größe":{"temperature":1,"Temperature":2}}"""));
        Assert.Equal([7.0, null], driver.Row("""{"GR\u00d6\u00dfE":{"temperatur\u0045":7}}"""));
    }

    [Fact]
    public void Of_properties_that_differ_by_case_the_one_written_so_is_taken()
    {
        var driver = DecoderDriver.Mapping(("property:site", ColumnType.Text));

        Assert.Equal(["a"], driver.Row(Message("{}", properties: new() { ["SITE"] = "b", ["site"] = "a", ["Site"] = "c" })));
        Assert.Equal(["b"], driver.Row(Message("{}", properties: new() { ["Site"] = "c", ["SITE"] = "b" })));
    }
}
