using System.Text;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class EnvelopeTests
{
    private const string Stamp = "2026-03-04T05:06:07.891Z";
    private const string Base64 = "eyJ0ZW1wZXJhdHVyZSI6MjEuNX0=";
    private static readonly DateTime Stamped = new(2026, 3, 4, 5, 6, 7, 891, DateTimeKind.Utc);

    private const string GridSystem = """
        {"iothub-content-type":"application/json","iothub-content-encoding":"utf-8","iothub-connection-device-id":"leaf",
         "iothub-enqueuedtime":"2026-03-04T05:06:07.891Z","iothub-message-source":"Telemetry"}
        """;

    public static TheoryData<Envelope, string> Bodies => new()
    {
        { Envelope.EventGrid, Grid("{\"temperature\":21.5}") },
        { Envelope.EventGrid, Grid($"\"{Base64}\"") },
        { Envelope.EventGrid, $"[{Grid($"\"{Base64}\"")}]" },
        { Envelope.CloudEvents, Cloud("{\"temperature\":21.5}") },
        { Envelope.CloudEvents, $"[{Cloud($"\"{Base64}\"")}]" },
        { Envelope.IoTHubRouting, Routed("{\"temperature\":21.5}") },
        { Envelope.IoTHubRouting, Routed($"\"{Base64}\"") },
        { Envelope.IoTHubRouting, Routed($"\"{Base64.Replace("=", "\\u003d", StringComparison.Ordinal)}\"") },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void The_body_is_taken_out_and_what_the_hub_does_not_say_is_the_envelopes(Envelope envelope, string body)
    {
        using var batch = Of(envelope).Decode(Message(body, device: null));

        Assert.Equal([[21.5, null]], Rows(batch));
        Assert.Equal("leaf", batch.Readings.Devices[0]);
        Assert.Equal(Stamped, batch.Readings.Stamps[0].ToDateTime());
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void What_the_hub_says_is_believed_before_the_envelope(Envelope envelope, string body)
    {
        using var batch = Of(envelope).Decode(new RawEvent
        {
            Hub = "hub",
            Partition = "0",
            DeviceId = "dev-1",
            RowTime = Noon,
            IsStampedByIotHub = true,
            Body = Encoding.UTF8.GetBytes(body),
        });

        Assert.Equal("dev-1", batch.Readings.Devices[0]);
        Assert.Equal(Noon, batch.Readings.Stamps[0].ToDateTime());
    }

    [Fact]
    public void A_plain_CloudEvent_has_its_reading_in_data_and_its_device_in_the_subject()
    {
        using var batch = Of(Envelope.CloudEvents).Decode(
            Message("""{"specversion":"1.0","subject":"devices/leaf","data":{"temperature":1}}""", device: null),
            Message($$"""{"specversion":"1.0","subject":"devices/leaf","data_base64":"{{Base64}}"}""", device: null));

        Assert.Equal([[1.0, null], [21.5, null]], Rows(batch));
        Assert.Equal(["leaf", "leaf"], batch.Readings.Devices.ToArray());
    }

    [Fact]
    public void Each_envelope_of_a_message_is_by_itself_and_its_readings_have_numbers_of_their_own()
    {
        using var batch = Of(Envelope.EventGrid).Decode(
            Message(
                $$$"""
                [{{{Grid("[{\"temperature\":1},{\"temperature\":\"x\"}]")}}},{{{Grid("\"no base64!\"")}}},{"id":"1"},{{{Grid("\"e30=\"")}}},
                 {{{Grid("\"e30\"")}}},{{{Grid("\"e3t9\"")}}},5,{"eventType":"Microsoft.Devices.DeviceCreated","data":{}},
                 {{{Grid("{\"temperature\":2}")}}},{{{Grid("[]")}}}]
                """,
                device: null));

        Assert.Equal([[1.0, null], [2.0, null]], Rows(batch));
        Assert.Equal([0, 9], batch.Readings.ElementIndexes.ToArray());
        Assert.Equal(
            [
                (1, RejectReason.WrongType), (2, RejectReason.BadEnvelope), (3, RejectReason.BadEnvelope), (4, RejectReason.NothingMapped),
                (5, RejectReason.BadEnvelope), (6, RejectReason.NotJson), (7, RejectReason.BadEnvelope),
            ],
            batch.Rejections.Select(rejection => (rejection.ElementIndex, rejection.Reason)));
        Assert.Equal((2L, 11L), (batch.Ignored, batch.Received));
    }

    [Theory]
    [InlineData("{", RejectReason.NotJson)]
    [InlineData("""{"temperature":1}""", RejectReason.BadEnvelope)]
    [InlineData("""{"Body":"\ud800"}""", RejectReason.BadEnvelope)]
    [InlineData("""{"Body":{"temperature":1},"SystemProperties":{"connectionDeviceId":"\ud800","\udc00":1}}""", RejectReason.DeviceMissing)]
    [InlineData("5", RejectReason.BadEnvelope)]
    public void What_is_no_envelope_is_rejected(string body, RejectReason reason)
    {
        Assert.Equal(reason, Of(Envelope.IoTHubRouting).Rejection(Message(body, device: null)).Reason);
        Assert.Equal(RejectReason.BadEncoding, Of(Envelope.IoTHubRouting).Rejection("{}"u8.ToArray(), "br").Reason);
    }

    [Fact]
    public void Properties_and_compressed_bodies_inside_are_read_and_lines_are_envelopes_of_their_own()
    {
        var settings = new TelemetrySettings { Envelope = Envelope.IoTHubRouting };
        settings.Columns.Add(new ColumnSettings { Name = "site", From = "property:Site", Type = ColumnType.Text });
        settings.Columns.Add(new ColumnSettings { Name = "temperature" });
        using var batch = new DecoderDriver(settings).Decode(
            Message($"{Routed("{\"temperature\":1}")}\n{Routed($"\"{Base64}\"")}", device: null));

        Assert.Equal([["north", 1.0], ["north", 21.5]], Rows(batch));
    }

    [Fact]
    public void The_most_readings_of_a_message_hold_for_all_its_envelopes()
    {
        var many = string.Join(',', Enumerable.Repeat("""{"Body":{"temperature":1}}""", 6_000));
        using var enough = Of(Envelope.IoTHubRouting).Decode($"[{many}]");
        using var tooMany = Of(Envelope.IoTHubRouting).Decode($"[{string.Join(',', Enumerable.Repeat("{\"Body\":{}}", 10_001))}]");
        using var inside = Of(Envelope.IoTHubRouting).Decode(
            $$"""{"Body":[{{string.Join(',', Enumerable.Repeat("{}", 9_999))}}]}{"Body":[1,2]}""");

        Assert.Equal(6_000, enough.Readings.Count);
        Assert.Equal((0, 1), (tooMany.Readings.Count, tooMany.Rejections.Count));
        Assert.Equal(RejectReason.TooManyReadings, tooMany.Rejections[0].Reason);
        Assert.Equal(RejectReason.TooManyReadings, Assert.Single(inside.Rejections).Reason);
    }

    private static string Grid(string body) =>
        $$$"""{"id":"1","subject":"devices/other","eventType":"Microsoft.Devices.DeviceTelemetry","eventTime":"2020-01-01T00:00:00Z","data":{"properties":{},"systemProperties":{{{GridSystem}}},"body":{{{body}}}}}""";

    private static string Cloud(string body) =>
        $$$"""{"specversion":"1.0","type":"Microsoft.Devices.DeviceTelemetry","data":{"properties":{},"systemProperties":{{{GridSystem}}},"body":{{{body}}}}}""";

    private static string Routed(string body) =>
        $$$"""{"EnqueuedTimeUtc":"{{{Stamp}}}","Properties":{"site":"north"},"SystemProperties":{"connectionDeviceId":"leaf","enqueuedTime":"{{{Stamp}}}","contentEncoding":"utf-8"},"Body":{{{body}}}}""";

    private static DecoderDriver Of(Envelope envelope) => new(new TelemetrySettings { Envelope = envelope });
}
