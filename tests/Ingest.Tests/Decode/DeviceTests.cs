using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class DeviceTests
{
    private static readonly DecoderDriver Default = new(new TelemetrySettings { AllowEmpty = true });
    private static readonly DecoderDriver BodyAllowed = new(new TelemetrySettings { AllowEmpty = true, AllowBodyDevice = true });
    private static readonly DecoderDriver WithGateway = new(new TelemetrySettings { AllowEmpty = true, Gateways = { "gateway-1" } });

    [Theory]
    [InlineData("dev-1", "{\"device\":\"dev-1\"}")]
    [InlineData("dev-1", "{\"device\":\"d\\u0065v-1\"}")]
    [InlineData("dev-1", "{\"device\":null}")]
    [InlineData("dev-1", "{\"device\":\"other\",\"device\":\"dev-1\"}")]
    [InlineData("dev-1", "{\"nested\":{\"device\":\"other\"}}")]
    [InlineData("größe-😀", "{\"device\":\"größe-😀\"}")]
    public void The_authenticated_device_may_be_repeated_in_the_body(string device, string body)
    {
        using var batch = Default.Decode(Message(body, device));

        Assert.Equal(device, batch.Readings.Devices[0]);
    }

    [Theory]
    [InlineData("\"other\"")]
    [InlineData("\"Dev-1\"")]
    [InlineData("\"dev-1 \"")]
    [InlineData("\"\"")]
    [InlineData("\"\\u0000\"")]
    public void A_body_that_names_another_device_is_rejected(string name)
    {
        Assert.Equal(RejectReason.DeviceMismatch, Default.Rejection($$"""{"device":{{name}}}""").Reason);
        Assert.Equal(RejectReason.DeviceMismatch, BodyAllowed.Rejection($$"""{"device":{{name}}}""").Reason);
        Assert.Equal(RejectReason.DeviceMismatch, WithGateway.Rejection($$"""{"device":{{name}}}""").Reason);
    }

    [Theory]
    [InlineData("5", "device is 5, where")]
    [InlineData("true", "device is true, where")]
    [InlineData("[\"dev-1\"]", "device is an array, where")]
    [InlineData("{\"id\":\"dev-1\"}", "device is an object, where")]
    public void A_device_that_is_no_string_is_a_wrong_type(string device, string says)
    {
        var rejection = Default.Rejection($$"""{"device":{{device}}}""");

        Assert.Equal(RejectReason.WrongType, rejection.Reason);
        Assert.StartsWith(says, rejection.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deviceId", """{"deviceId":"ic-1","device":"label"}""")]
    [InlineData("meta.ids[0]", """{"meta":{"ids":["ic-1","x"]}}""")]
    [InlineData("property:DEVICE", "{}")]
    public void The_device_is_taken_from_where_the_settings_say(string from, string body)
    {
        var message = Message(body, device: null, properties: new() { ["device"] = "ic-1" });
        var settings = new TelemetrySettings { AllowEmpty = true, AllowBodyDevice = true, DeviceFrom = from };
        using var batch = new DecoderDriver(settings).Decode(message);

        Assert.Equal("ic-1", batch.Readings.Devices[0]);
        var other = new DecoderDriver(settings).Rejection(Message(body, "dev-1", properties: new() { ["device"] = "ic-1" }));
        Assert.Equal(RejectReason.DeviceMismatch, other.Reason);
        Assert.Contains("\"ic-1\"", other.Detail, StringComparison.Ordinal);
        Assert.Equal(RejectReason.DeviceMissing, new DecoderDriver(settings).Rejection(Message("{}", device: null)).Reason);
    }

    [Fact]
    public void A_gateways_device_beside_the_body_or_around_its_readings_is_whose_they_are()
    {
        var beside = new TelemetrySettings { AllowEmpty = true, DeviceFrom = "property:leaf", Gateways = { "gw" } };
        var around = new TelemetrySettings { AllowEmpty = true, DeviceFrom = "$.leaf", Readings = "m[*]", Gateways = { "gw" } };
        using var one = new DecoderDriver(beside).Decode(Message("[{},{}]", "gw", properties: new() { ["leaf"] = "leaf-1" }));
        using var two = new DecoderDriver(around).Decode(Message("""{"m":[{},{}],"leaf":"leaf-2"}""", "gw"));

        Assert.Equal(["leaf-1", "leaf-1"], one.Readings.Devices.ToArray());
        Assert.Equal(["leaf-2", "leaf-2"], two.Readings.Devices.ToArray());
        Assert.Equal(
            RejectReason.WrongType, new DecoderDriver(beside).Rejection(Message("{}", "gw", properties: new() { ["leaf"] = 7 })).Reason);
        Assert.Equal(
            RejectReason.DeviceTooLong,
            new DecoderDriver(beside).Rejection(Message("{}", "gw", properties: new() { ["leaf"] = new string('d', 129) })).Reason);
    }

    [Fact]
    public void A_device_that_is_a_label_is_not_looked_at()
    {
        var settings = new TelemetrySettings { IgnoreBodyDevice = true };
        settings.Columns.Add(new ColumnSettings { Name = "label", From = "device", Type = ColumnType.Text });
        using var batch = new DecoderDriver(settings).Decode("""{"device":"Boiler 7"}""");

        Assert.Equal("dev-1", batch.Readings.Devices[0]);
        Assert.Equal([["Boiler 7"]], Rows(batch));
    }

    [Fact]
    public void A_device_object_is_data_where_a_path_below_it_is_mapped()
    {
        var driver = DecoderDriver.Mapping(("device.rssi", ColumnType.Integer));

        Assert.Equal([-71], driver.Row("""{"device":{"rssi":-71}}"""));
        Assert.Equal(RejectReason.DeviceMismatch, driver.Rejection("""{"device":"other"}""").Reason);
    }

    [Fact]
    public void A_listed_gateway_speaks_for_others_one_element_at_a_time()
    {
        using var batch = WithGateway.Decode(
            Message("""[{"device":"leaf-1"},{"device":"leaf-2"},{},{"device":"leaf-1"},{"device":""}]""", "gateway-1"));

        Assert.Equal(["leaf-1", "leaf-2", "gateway-1", "leaf-1"], batch.Readings.Devices.ToArray());
        Assert.Same(batch.Readings.Devices[0], batch.Readings.Devices[3]);
        Assert.Equal((4, RejectReason.DeviceMissing), (batch.Rejections[0].ElementIndex, batch.Rejections[0].Reason));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void A_message_of_no_device_is_rejected_whole_unless_the_body_may_name_it(string? annotation)
    {
        const string Body = """[{"device":"dev-2"},{}]""";
        using var batch = BodyAllowed.Decode(Message(Body, annotation));

        Assert.Equal(
            (RejectReason.DeviceMissing, -1),
            (Default.Rejection(Message(Body, annotation)).Reason, Default.Rejection(Message(Body, annotation)).ElementIndex));
        Assert.Equal("dev-2", batch.Readings.Devices[0]);
        Assert.Equal((1, RejectReason.DeviceMissing), (batch.Rejections[0].ElementIndex, batch.Rejections[0].Reason));
    }

    public static TheoryData<string, RejectReason?> Names { get; } = new()
    {
        { new string('d', 128), null },
        { new string('d', 129), RejectReason.DeviceTooLong },
        { new string('ü', 128), null },
        { new string('€', 129), RejectReason.DeviceTooLong },
        { new string('d', 5_000), RejectReason.DeviceTooLong },
        { "a\0b", RejectReason.DeviceInvalid },
        { "a\ud800b", RejectReason.DeviceInvalid },
        { "a\udc00", RejectReason.DeviceInvalid },
        { "a\ud83d", RejectReason.DeviceInvalid },
        { "a😀b", null },
        { "it's; DROP TABLE \"conditions\"", null },
    };

    [Theory, MemberData(nameof(Names))]
    public void A_name_that_cannot_be_stored_is_rejected_wherever_it_comes_from(string name, RejectReason? expected)
    {
        var json = $$"""{"device":"{{string.Concat(name.Select(unit => $"\\u{(int)unit:x4}"))}}"}""";

        foreach (
            var batch in new[]
            {
                Default.Decode(Message("{}", name)),
                BodyAllowed.Decode(Message(json, device: null)),
                WithGateway.Decode(Message(json, "gateway-1")),
            })
        {
            using (batch)
            {
                if (expected is null)
                {
                    Assert.Equal(name, batch.Readings.Devices[0]);
                }
                else
                {
                    Assert.Equal(expected, Assert.Single(batch.Rejections).Reason);
                    Assert.InRange(batch.Rejections[0].Detail.Length, 10, 250);
                }
            }
        }
    }
}
