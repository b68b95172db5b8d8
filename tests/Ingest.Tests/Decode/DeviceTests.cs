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
