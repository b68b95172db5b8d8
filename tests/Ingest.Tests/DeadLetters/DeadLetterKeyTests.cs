using Ingest.DeadLetters;
using Ingest.Events;
using Xunit;

namespace Ingest.Tests.DeadLetters;

public sealed class DeadLetterKeyTests
{
    private static readonly DateTime Stamp = new(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    [Fact]
    public void The_same_message_from_another_partition_or_archive_has_the_same_key()
    {
        var again = new RawEvent { Hub = "archive", Partition = "7", SequenceNumber = 9, RowTime = Stamp, DeviceId = "a", Body = "body"u8.ToArray() };

        Assert.Equal(Key("a", "body"), DeadLetterKey.Of(DeadLetterKey.OfMessage(again), -1));
    }

    [Fact]
    public void Each_of_stamp_device_body_and_element_counts()
    {
        byte[][] keys =
        [
            Key("a", "body"),
            Key("b", "body"),
            Key(null, "body"),
            Key("", "body"),
            Key("a", "other"),
            Key("a", "body", 0),
            Key("a", "body", 1),
            Key("a", "body", -1, Stamp.AddMilliseconds(1)),
            Key("a", "body", -1, null),
            Key("ab", "ody"),
        ];

        Assert.Equal(keys.Length, keys.Select(Convert.ToHexString).Distinct().Count());
    }

    private static byte[] Key(string? device, string body, int element = -1) => Key(device, body, element, Stamp);

    private static byte[] Key(string? device, string body, int element, DateTime? stamp) => DeadLetterKey.Of(
        DeadLetterKey.OfMessage(new RawEvent { Hub = "hub", Partition = "0", RowTime = stamp, DeviceId = device, Body = System.Text.Encoding.UTF8.GetBytes(body) }),
        element);
}
