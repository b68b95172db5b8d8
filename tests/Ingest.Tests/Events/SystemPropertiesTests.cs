using System.Text;
using Ingest.Events;
using Ingest.Settings;
using Xunit;

namespace Ingest.Tests.Events;

public sealed class SystemPropertiesTests
{
    private static readonly DateTime Stamp = new(2026, 3, 4, 5, 6, 7, 89, DateTimeKind.Utc);

    public static TheoryData<object> SameTime { get; } =
    [
        Stamp,
        DateTime.SpecifyKind(Stamp, DateTimeKind.Unspecified),
        Stamp.ToLocalTime(),
        new DateTimeOffset(Stamp).ToOffset(TimeSpan.FromHours(5)),
        new DateTimeOffset(Stamp).ToUnixTimeMilliseconds(),
        (ulong)new DateTimeOffset(Stamp).ToUnixTimeMilliseconds(),
        (double)new DateTimeOffset(Stamp).ToUnixTimeMilliseconds(),
        "2026-03-04T05:06:07.0890000Z",
        "2026-03-04T07:06:07.089+02:00",
        "2026-03-04T05:06:07.089",
        "03/04/2026 05:06:07.089",
        "3/4/2026 5:06:07.089 AM",
        new DateTimeOffset(Stamp).ToUnixTimeMilliseconds().ToString(),
        Encoding.UTF8.GetBytes("2026-03-04T05:06:07.089Z"),
    ];

    [Theory, MemberData(nameof(SameTime))]
    public void A_time_is_read_from_whatever_type_it_comes_in(object value)
    {
        var time = SystemProperties.ToTime(value);

        Assert.Equal(Stamp, time);
        Assert.Equal(DateTimeKind.Utc, time!.Value.Kind);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("05:06:07")]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(double.NaN)]
    [InlineData(true)]
    public void What_is_no_time_is_no_time(object? value) => Assert.Null(SystemProperties.ToTime(value));

    [Fact]
    public void The_row_is_stamped_by_IoT_Hub_and_not_by_the_event_hub()
    {
        var properties = new SystemProperties();
        properties.Set("x-opt-enqueued-time", Stamp.AddMilliseconds(235));
        properties.Set("iothub-enqueuedtime", Stamp);

        var message = properties.ToEvent("host/hub", "3", TimeSource.IotHub, default);

        Assert.Equal(Stamp, message.RowTime);
        Assert.Equal(Stamp.AddMilliseconds(235), message.EnqueuedTime);
    }

    [Fact]
    public void A_plain_event_hub_stamps_the_row_itself()
    {
        var properties = new SystemProperties();
        properties.Set("x-opt-enqueued-time", Stamp);

        Assert.Equal(Stamp, properties.Stamp(TimeSource.IotHub));
    }

    [Fact]
    public void A_stamp_that_cannot_be_read_is_not_replaced_by_the_other_one()
    {
        var properties = new SystemProperties();
        properties.Set("x-opt-enqueued-time", Stamp);
        properties.Set("iothub-enqueuedtime", "not a time");

        Assert.Null(properties.Stamp(TimeSource.IotHub));
    }

    [Fact]
    public void A_table_keyed_by_the_event_hubs_stamp_never_takes_the_other()
    {
        var routed = new SystemProperties();
        routed.Set("enqueuedTime", "2026-03-04T05:06:07.0890000Z");
        var live = routed;
        live.Set("x-opt-enqueued-time", Stamp.AddMilliseconds(235));

        Assert.Null(routed.Stamp(TimeSource.EventHub));
        Assert.Equal(Stamp.AddMilliseconds(235), live.Stamp(TimeSource.EventHub));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9_999)]
    public void The_stamp_is_floored_to_the_millisecond(int ticks)
    {
        var properties = new SystemProperties();
        properties.Set("iothub-enqueuedtime", Stamp.AddTicks(ticks));

        Assert.Equal(Stamp, properties.Stamp(TimeSource.IotHub));
        Assert.Equal(DateTimeKind.Utc, properties.Stamp(TimeSource.IotHub)!.Value.Kind);
    }

    public static TheoryData<object?, long?> SequenceNumbers { get; } = new()
    {
        { 42L, 42 }, { 42, 42 }, { 42u, 42 }, { 42ul, 42 }, { (short)42, 42 }, { (byte)42, 42 }, { 42.0, 42 }, { "42", 42 }, { "-1", -1 },
        { ulong.MaxValue, null }, { 42.5, null }, { 1e300, null }, { "", null }, { "4 2", null }, { null, null }, { true, null },
    };

    [Theory, MemberData(nameof(SequenceNumbers))]
    public void A_sequence_number_is_read_from_any_number_and_from_digits(object? value, long? expected)
    {
        var properties = new SystemProperties();
        properties.Set("x-opt-sequence-number", value);

        Assert.Equal(expected, properties.SequenceNumber);
    }

    public static TheoryData<object?, string?> MessageIds { get; } = new()
    {
        { "abc", "abc" },
        { 18_446_744_073_709_551_615ul, "18446744073709551615" },
        { Guid.Parse("0F8FAD5B-D9CB-469F-A165-70867728950E"), "0f8fad5b-d9cb-469f-a165-70867728950e" },
        { "text"u8.ToArray(), "text" },
        { new ReadOnlyMemory<byte>([0xff, 0x00]), "ff00" },
        { new ArraySegment<byte>([0xff, 0xfe], 1, 1), "fe" },
        { null, null },
    };

    [Theory, MemberData(nameof(MessageIds))]
    public void A_message_id_of_any_type_becomes_text(object? value, string? expected)
    {
        var properties = new SystemProperties();
        properties.Set("message-id", value);

        Assert.Equal(expected, properties.MessageId);
    }

    [Fact]
    public void The_live_hub_and_both_kinds_of_archive_give_the_same_message()
    {
        var live = Gather(
            ("iothub-connection-device-id", "dev-1"), ("iothub-connection-module-id", "mod"), ("iothub-enqueuedtime", Stamp),
            ("iothub-message-source", "Telemetry"), ("content-type", "application/json"), ("content-encoding", "utf-8"), ("message-id", "m-1"));
        var routed = Gather(
            ("connectionDeviceId", "dev-1"), ("connectionModuleId", "mod"), ("enqueuedTime", "2026-03-04T05:06:07.0890000Z"),
            ("messageSource", "Telemetry"), ("contentType", "application/json"), ("contentEncoding", "utf-8"), ("messageId", "m-1"));

        foreach (var message in new[] { live, routed })
        {
            Assert.Equal(Stamp, message.RowTime);
            Assert.Equal("dev-1", message.DeviceId);
            Assert.Equal("mod", message.ModuleId);
            Assert.Equal("Telemetry", message.MessageSource);
            Assert.Equal("application/json", message.ContentType);
            Assert.Equal("utf-8", message.ContentEncoding);
            Assert.Equal("m-1", message.MessageId);
            Assert.Empty(message.Properties);
        }
    }

    [Fact]
    public void A_name_that_means_nothing_here_is_left_alone()
    {
        var properties = new SystemProperties();

        Assert.False(properties.Set("x-opt-partition-key", "k"));
        Assert.True(properties.Set("x-opt-offset", 4_294_967_296L));
        Assert.Equal("4294967296", properties.Offset);
    }

    private static RawEvent Gather(params (string Name, object? Value)[] values)
    {
        var properties = new SystemProperties();
        foreach (var (name, value) in values)
        {
            Assert.True(properties.Set(name, value));
        }

        return properties.ToEvent("hub", "0", TimeSource.IotHub, default);
    }
}
