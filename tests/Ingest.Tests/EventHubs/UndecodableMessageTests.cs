using System.Globalization;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport.Poison;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class UndecodableMessageTests
{
    private static readonly byte[] Annotations = Convert.FromHexString(
        "005372" + "c1" + "7f" + "0c" +
        "a315" + Hex("x-opt-sequence-number") + "55" + "2a" +
        "a30c" + Hex("x-opt-offset") + "a104" + Hex("4200") +
        "a313" + Hex("x-opt-enqueued-time") + "83" + "000001717e0b7800" +
        "a31b" + Hex("iothub-connection-device-id") + "a103" + Hex("dev") +
        "a301" + Hex("x") + "40" +
        "a301" + Hex("y") + "40");

    private static readonly DateTime Enqueued = DateTime.UnixEpoch.AddMilliseconds(0x01717e0b7800);

    [Theory]
    [InlineData("", "")]
    [InlineData("005370c00101", "")]
    [InlineData("0080000000000000007045", "")]
    [InlineData("00537045005371c10100", "")]
    [InlineData("", "deadbeef")]
    [InlineData("", "005377000000000000")]
    [InlineData("", "005374d1ffffffff7fffffff")]
    public void What_the_hub_says_is_read_whatever_stands_before_and_behind_it(string before, string behind)
    {
        var system = UndecodableMessage.SystemPropertiesOf(Bytes(before, Annotations, behind));

        Assert.Equal(42, system.SequenceNumber);
        Assert.Equal("4200", system.Offset);
        Assert.Equal(Enqueued, system.EnqueuedTime);
        Assert.Equal("dev", system.DeviceId);
        Assert.Equal(Enqueued, system.Stamp(TimeSource.IotHub));
    }

    [Fact]
    public void Cut_off_anywhere_what_is_whole_is_read_and_the_rest_stays_unknown()
    {
        for (var length = 0; length < Annotations.Length; length++)
        {
            var system = UndecodableMessage.SystemPropertiesOf(Annotations.AsMemory(0, length));

            Assert.True(system.SequenceNumber is null or 42);
            Assert.True(system.Offset is null or "4200");
            Assert.True(system.DeviceId is null || system.SequenceNumber == 42);
        }
    }

    [Fact]
    public void Annotations_that_a_sender_puts_behind_the_hubs_are_not_the_hubs()
    {
        var forged = Annotations.ToArray();
        forged[forged.AsSpan().IndexOf("dev"u8)] = (byte)'D';

        Assert.Equal("dev", UndecodableMessage.SystemPropertiesOf((byte[])[.. Annotations, .. forged]).DeviceId);
    }

    [Fact]
    public void Names_that_only_an_archive_uses_are_a_senders_own()
    {
        var map = Convert.FromHexString("005372" + "c1" + "14" + "02" + "a30e" + Hex("SequenceNumber") + "54" + "07");

        Assert.Null(UndecodableMessage.SystemPropertiesOf(map).SequenceNumber);
    }

    [Theory]
    [InlineData("a10137", "7")]
    [InlineData("a30137", "7")]
    [InlineData("b10000000137", "7")]
    [InlineData("a00137", "7")]
    [InlineData("b000000002ff00", "ff00")]
    [InlineData("7100000007", "7")]
    [InlineData("5407", "7")]
    [InlineData("980123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef")]
    [InlineData("40", null)]
    [InlineData("41", null)]
    [InlineData("94ffffffffffffffffffffffffffffffff", null)]
    [InlineData("0053014107", null)]
    public void A_device_of_any_type_is_read_as_the_client_reads_it(string value, string? device)
    {
        var map = "a31b" + Hex("iothub-connection-device-id") + value;
        var section = "005372" + "d1" + ((map.Length / 2) + 4).ToString("x8", CultureInfo.InvariantCulture) + "00000002" + map;

        Assert.Equal(device, UndecodableMessage.SystemPropertiesOf(Convert.FromHexString(section)).DeviceId);
    }

    [Fact]
    public void No_bytes_whatever_make_it_throw_or_read_for_long()
    {
        foreach (var (name, message) in AmqpPoison.Mutations(seed: 7, 2_000))
        {
            var damaged = message.ToArray();
            var random = new Random(name.Length);
            for (var change = 0; change < 4; change++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            UndecodableMessage.SystemPropertiesOf(damaged);
            EncodedValues.IsDeeperThan(64, damaged);
        }
    }

    [Theory]
    [InlineData("0053754500", 2, false)]
    [InlineData("005377000000000040404040", 4, true)]
    [InlineData("005377c00201c0020140", 2, true)]
    [InlineData("005377c00201c0020140", 3, false)]
    [InlineData("005377c102024040" + "005378c102024040", 2, false)]
    [InlineData("005377d0ffffffff7fffffff", 2, false)]
    public void Nesting_is_told_without_decoding(string bytes, int levels, bool deeper) =>
        Assert.Equal(deeper, EncodedValues.IsDeeperThan(levels, Convert.FromHexString(bytes)));

    [Fact]
    public void Descriptors_one_in_the_other_are_deep_however_many_there_are()
    {
        Assert.True(EncodedValues.IsDeeperThan(1_000, AmqpPoison.Deadly.Message));
        Assert.All(AmqpPoison.Kinds, kind => Assert.Equal(kind.Name.Contains("2,000 deep", StringComparison.Ordinal), EncodedValues.IsDeeperThan(1_000, kind.Message)));
    }

    private static byte[] Bytes(string before, byte[] annotations, string behind) => [.. Convert.FromHexString(before), .. annotations, .. Convert.FromHexString(behind)];

    private static string Hex(string text) => Convert.ToHexString(System.Text.Encoding.ASCII.GetBytes(text));
}
