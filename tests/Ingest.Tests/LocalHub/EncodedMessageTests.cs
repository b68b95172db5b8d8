using System.Text;
using Amqp;
using Amqp.Types;
using CsCheck;
using Ingest.LocalHub.Storage;
using Xunit;

namespace Ingest.Tests.LocalHub;

public sealed class EncodedMessageTests
{
    private static readonly byte[][] Samples =
    [
        Messages.OfLength(0),
        Messages.OfLength(300),
        Messages.Full(),
        Messages.Full(
            ("x-opt-partition-key", "key"), ("iothub-connection-device-id", "dev"), ("x-opt-offset", "7"), ("list", new List { 1, "a" })),
        Messages.Full(("long", new string('x', 300))),
        Messages.Batch(Messages.OfLength(5), Messages.Full()),
        Messages.Bytes(new Message(new Map { ["a"] = new List { 1, 2.5, "three" } })),
    ];

    // What decides how a value is read stands in few bytes: those come often.
    private static readonly Gen<byte[]> AnyBytes = Gen.OneOf(
        Gen.OneOf<byte>(0x00, 0x53, 0x80, 0x70, 0x71, 0x72, 0x73, 0x75, 0x40, 0x43, 0xa0, 0xa3, 0xb0, 0xb3, 0xc1, 0xd1, 0xe0, 0xf0, 0xff),
        Gen.Byte).Array[0, 60];

    [Fact]
    public void A_messages_annotations_are_found_and_the_rest_is_kept_byte_for_byte()
    {
        var bytes = Messages.Full(("x-opt-partition-key", "key"), ("iothub-connection-device-id", "dev-1"), ("number", 5L));

        var message = EncodedMessage.Parse(bytes);
        List<(string, string)> found = [];
        var annotations = message.Annotations;
        while (EncodedMessage.TryTakeEntry(ref annotations, out _, out var name, out var value))
        {
            found.Add((Encoding.UTF8.GetString(name), Encoding.UTF8.GetString(EncodedMessage.Text(value))));
        }

        Assert.Equal([("x-opt-partition-key", "key"), ("iothub-connection-device-id", "dev-1"), ("number", "")], found);
        Assert.True(bytes.AsSpan().EndsWith(message.Rest));
        Assert.Equal(
            "m-1",
            Message.Decode(new ByteBuffer(message.Rest.ToArray(), 0, message.Rest.Length, message.Rest.Length)).Properties.MessageId);
    }

    [Fact]
    public void A_batchs_messages_are_taken_off_in_order()
    {
        byte[][] messages = [Messages.OfLength(3), Messages.Full(), Messages.OfLength(1000)];
        var rest = EncodedMessage.Parse(Messages.Batch(messages)).Rest;
        List<byte[]> found = [];
        while (EncodedMessage.TryTakeData(ref rest, out var data))
        {
            found.Add(data.ToArray());
        }

        Assert.Equal(messages, found);
    }

    [Fact]
    public void What_the_hub_adds_replaces_its_own_annotations_and_keeps_the_others()
    {
        var message = EncodedMessage.Parse(
            Messages.Full(("x-opt-sequence-number", 99L), ("x-opt-offset", "99"), ("iothub-connection-device-id", "dev"), ("mine", 5)));
        var bytes = new byte[EventEncoder.MaxLength(message, "key"u8)];

        var length = EventEncoder.Encode(message, "key"u8, sequenceNumber: 3, now: 1000, bytes);
        var read = Message.Decode(new ByteBuffer(bytes, 0, length, length)).MessageAnnotations.Map;

        var stamp = DateTime.UnixEpoch.AddSeconds(1);
        Dictionary<string, object> expected = new()
        {
            ["iothub-connection-device-id"] = "dev",
            ["mine"] = 5,
            ["x-opt-sequence-number"] = 3L,
            ["x-opt-offset"] = HubOffset.Of(3).ToString(),
            ["x-opt-enqueued-time"] = stamp,
            ["x-opt-partition-key"] = "key",
            ["iothub-enqueuedtime"] = stamp,
            ["iothub-message-source"] = "Telemetry",
        };
        Assert.Equal(expected.OrderBy(a => a.Key), read.Select(a => KeyValuePair.Create(a.Key.ToString()!, a.Value)).OrderBy(a => a.Key));
    }

    [Theory]
    [InlineData("00537540", "a data section holds binary")]
    [InlineData("005372c100", "the map of message annotations has no count")]
    [InlineData("005372d100000000", "the map of message annotations has no count")]
    [InlineData("005372a10161", "message annotations are a map")]
    [InlineData("005372c1040201a3", "it ends")]
    [InlineData("005372c103020156", "no format code")]
    [InlineData("0053730000530100b0ffffffff", "it ends within a value")]
    [InlineData("00530100b0ffffffff", "does not stand where a message may have it")]
    [InlineData("005375a00500", "it ends within a value")]
    [InlineData("0053", "no section starts here")]
    [InlineData("0080000000000000017540", "the section is unknown")]
    public void What_is_no_message_is_refused_with_a_reason(string hexadecimal, string reason)
    {
        var refused = Assert.Throws<AmqpException>(() => ReadWhole(Convert.FromHexString(hexadecimal)));

        Assert.Equal(ErrorCode.DecodeError, refused.Error.Condition.ToString());
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Descriptors_nested_without_end_are_refused_before_the_stack_is_full()
    {
        byte[] bytes = [0x00, 0x53, 0x77, .. new byte[1024 * 1024]];

        Assert.Throws<AmqpException>(() => ReadWhole(bytes));
    }

    [Fact]
    public void Arbitrary_bytes_are_a_message_or_an_AmqpException() => AnyBytes.Sample(IsReadOrRefused, iter: 50_000);

    [Fact]
    public void Arbitrary_bytes_behind_the_code_of_a_section_are_a_message_or_an_AmqpException() =>
        Gen.Select(Gen.OneOf<byte>(0x70, 0x71, 0x72, 0x73, 0x75, 0x77), AnyBytes)
            .Sample((section, bytes) => IsReadOrRefused([0x00, 0x53, section, .. bytes]), iter: 50_000);

    [Fact]
    public void A_damaged_message_is_a_message_or_an_AmqpException() =>
        Gen.Select(Gen.OneOf(Samples), Gen.Select(Gen.Double.Unit, AnyBytes, Gen.Int[0, 8]).Array[1, 4]).Sample(
            (sample, damages) =>
            {
                var bytes = sample.ToList();
                foreach (var (place, inserted, removed) in damages)
                {
                    var at = (int)(place * bytes.Count);
                    bytes.RemoveRange(at, Math.Min(removed, bytes.Count - at));
                    bytes.InsertRange(at, inserted.Take(removed));
                }

                return IsReadOrRefused([.. bytes]);
            },
            iter: 50_000);

    private static bool IsReadOrRefused(byte[] bytes)
    {
        try
        {
            ReadWhole(bytes);
            return true;
        }
        catch (AmqpException)
        {
            return true;
        }
    }

    /// <summary>Everything the hub does with a message on its way into a partition and, taken for a batch, with those in it.</summary>
    private static void ReadWhole(ReadOnlySpan<byte> bytes)
    {
        var message = EncodedMessage.Parse(bytes);
        var key = EventEncoder.RoutingKey(message);
        var stored = new byte[EventEncoder.MaxLength(message, key)];
        var length = EventEncoder.Encode(message, key, 1, 1, stored);
        Assert.True(
            EncodedMessage.Parse(stored.AsSpan(0, length)).Rest.SequenceEqual(message.Rest), "What is read back is not what was taken.");

        var sections = message.Rest;
        while (EncodedMessage.TryTakeData(ref sections, out var encoded))
        {
            EncodedMessage.Parse(encoded);
        }
    }
}
