using System.Text;
using Azure.Core.Amqp;
using Azure.Messaging.EventHubs;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Ingest.Tests.Decode;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class EventMappingTests
{
    private static readonly EventMapping Mapping = new("host/telemetry", "3", EventFields.Default);

    public static TheoryData<object> Stamps =>
    [
        new DateTimeOffset(2026, 3, 4, 7, 6, 7, 891, TimeSpan.FromHours(2)).AddTicks(7),
        new DateTime(2026, 3, 4, 5, 6, 7, 891, DateTimeKind.Utc),
        "2026-03-04T05:06:07.8910000Z",
        1_772_600_767_891L,
    ];

    [Theory]
    [MemberData(nameof(Stamps))]
    public void Annotations_and_properties_are_taken_whatever_their_type(object stamp)
    {
        var data = new EventData("{}") { ContentType = "application/json", MessageId = "00000000-0000-0000-0000-000000000000" };
        data.GetRawAmqpMessage().Properties.ContentEncoding = "utf-8";
        data.Properties["site"] = "north";
        data.Properties["blob"] = new byte[] { 1 };
        Annotate(data, new()
        {
            ["iothub-enqueuedtime"] = stamp,
            ["iothub-connection-device-id"] = "itsme",
            ["iothub-connection-module-id"] = "m",
            ["iothub-message-source"] = "Telemetry",
            ["x-opt-sequence-number"] = 42,
            ["x-opt-offset"] = 4711L,
            ["x-opt-enqueued-time"] = new DateTimeOffset(2026, 3, 4, 5, 6, 8, TimeSpan.Zero),
            ["iothub-creation-time-utc"] = null,
        });

        var message = Mapping.ToEvent(data);

        Assert.Equal(("host/telemetry", "3"), (message.Hub, message.Partition));
        Assert.Equal(new DateTime(2026, 3, 4, 5, 6, 7, 891, DateTimeKind.Utc), message.RowTime);
        Assert.Equal(new DateTime(2026, 3, 4, 5, 6, 8, DateTimeKind.Utc), message.EnqueuedTime);
        Assert.Equal(("itsme", "m", "Telemetry"), (message.DeviceId, message.ModuleId, message.MessageSource));
        Assert.Equal((42L, "4711"), (message.SequenceNumber, message.Offset));
        Assert.Equal(("application/json", "utf-8"), (message.ContentType, message.ContentEncoding));
        Assert.Equal("00000000-0000-0000-0000-000000000000", message.MessageId);
        Assert.Equal("north", message.Properties["site"]);
        Assert.Equal(new byte[] { 1 }, message.Properties["blob"]);
        Assert.Equal("{}"u8.ToArray(), message.Body.ToArray());
        Assert.Null(message.Undecodable);
    }

    public static TheoryData<AmqpMessageBody, string> Bodies => new()
    {
        { AmqpMessageBody.FromData([Bytes("{\"a\":"), Bytes("1}")]), "{\"a\":1}" },
        { AmqpMessageBody.FromData([]), "" },
        { AmqpMessageBody.FromValue("{\"a\":1}"), "{\"a\":1}" },
        { AmqpMessageBody.FromValue(Encoding.UTF8.GetBytes("{}")), "{}" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_body_of_several_sections_or_of_a_text_value_is_its_bytes(AmqpMessageBody body, string bytes) =>
        Assert.Equal(bytes, Encoding.UTF8.GetString(Mapping.ToEvent(new EventData(new AmqpAnnotatedMessage(body))).Body.Span));

    public static TheoryData<AmqpMessageBody> NoBytes => new()
    {
        AmqpMessageBody.FromValue(21),
        AmqpMessageBody.FromValue(new Dictionary<string, object> { ["temperature"] = 21.5 }),
        AmqpMessageBody.FromSequence([[1, "two"]]),
    };

    [Theory]
    [MemberData(nameof(NoBytes))]
    public void A_body_that_is_no_bytes_is_kept_as_AMQP_encodes_it_and_rejected_in_words(AmqpMessageBody body)
    {
        var message = Mapping.ToEvent(new EventData(new AmqpAnnotatedMessage(body)));

        Assert.False(message.Body.IsEmpty);
        Assert.Equal(
            "The body is a value or a sequence of AMQP's own types, kept as AMQP encodes it; send JSON as data or as text.",
            new DecoderDriver().Rejection(message.Body.ToArray()).Detail);
    }

    [Fact]
    public void A_body_is_not_copied_and_names_that_repeat_are_kept_once()
    {
        var bytes = Encoding.UTF8.GetBytes("{}");
        var (first, second) = (OfDevice(bytes, new string('d', 20)), OfDevice(bytes, new string('d', 20)));

        Assert.True(first.Body.Span.Overlaps(bytes));
        Assert.Same(first.DeviceId, second.DeviceId);
        Assert.NotSame(OfDevice(bytes, new string('x', 5_000)).DeviceId, OfDevice(bytes, new string('x', 5_000)).DeviceId);
    }

    [Fact]
    public void Of_the_annotations_those_that_are_mapped_are_kept()
    {
        var mapping = new EventMapping(
            "host/telemetry", "3", new EventFields(TimeSource.IotHub, new HashSet<string> { "iothub-creation-time-utc" }));
        var data = new EventData("{}");
        Annotate(data, new() { ["iothub-creation-time-utc"] = "2026-03-04T05:06:07Z", ["other"] = 1 });

        Assert.Equal([KeyValuePair.Create("iothub-creation-time-utc", (object?)"2026-03-04T05:06:07Z")], mapping.ToEvent(data).Annotations);
        Assert.Empty(Mapping.ToEvent(data).Annotations);
    }

    private static Ingest.Events.RawEvent OfDevice(byte[] body, string device)
    {
        var data = new EventData(new BinaryData(body));
        Annotate(data, new() { ["iothub-connection-device-id"] = device });
        return Mapping.ToEvent(data);
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static void Annotate(EventData data, Dictionary<string, object?> annotations)
    {
        foreach (var (name, value) in annotations)
        {
            data.GetRawAmqpMessage().MessageAnnotations[name] = value!;
        }
    }
}
