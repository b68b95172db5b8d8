using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Xunit;

namespace Ingest.Tests.DeadLetters;

public sealed class DeadLetterListTests
{
    [Theory]
    [InlineData(10, 100)]
    [InlineData(10_486, 96)]
    [InlineData(256 * 1024, 3)]
    [InlineData(2 * 1024 * 1024, 1)]
    public void Of_one_messages_elements_the_first_ones_can_be_kept_and_the_others_are_counted(int bodyBytes, int kept)
    {
        var list = Letters([Message(bodyBytes)], elements: 5_000);

        Assert.Equal(Enumerable.Range(0, kept), list.Letters.Select(letter => letter.Rejection.ElementIndex));
        Assert.Equal(kept, list.Letters.Select(letter => Convert.ToHexString(letter.Key)).Distinct().Count());
        Assert.All(list.Letters, letter => Assert.Equal(DeadLetterOutcome.NotKept, letter.Outcome));
        Assert.Equal([new DeadLetterCount(0, "a", RejectReason.WrongType, 5_000 - kept)], list.Counts);
    }

    [Fact]
    public void Each_message_has_room_of_its_own() => Assert.Equal(200, Letters([Message(10), Message(10)], elements: 150).Letters.Count);

    [Fact]
    public void What_a_message_says_besides_its_body_takes_room_too()
    {
        var message = new RawEvent
        {
            Hub = "hub",
            Partition = "0",
            ContentType = new string('x', 100_000),
            Properties = new Dictionary<string, object?> { ["name"] = new string('y', 100_000) },
            Body = new byte[10],
        };

        Assert.Equal(5, Letters([message], elements: 100).Letters.Count);
    }

    [Fact]
    public void Readings_that_decode_has_only_counted_are_counted_with_their_device_and_reason()
    {
        var list = Letters([Message(10)], elements: 1);
        list.Add(Message(10), 0, RejectReason.NotObject, 9_899);
        list.Add(Message(10), 0, RejectReason.NotObject, 1);

        Assert.Single(list.Letters);
        Assert.Equal([new DeadLetterCount(0, "a", RejectReason.NotObject, 9_900)], list.Counts);
    }

    [Fact]
    public void The_dead_letters_of_a_message_share_its_body()
    {
        var letters = Letters([Message(10)], elements: 2).Letters;

        Assert.Same(letters[0].Source.Body, letters[1].Source.Body);
    }

    [Fact]
    public void A_statement_takes_8_MiB_at_the_most()
    {
        var letters = Letters([.. Enumerable.Range(0, 20).Select(_ => Message(1024 * 1024))], elements: 1).Letters.ToArray();
        foreach (var letter in letters[1..])
        {
            letter.Outcome = DeadLetterOutcome.Kept;
        }

        var statements = DeadLetterTable.Statements(letters);

        Assert.Equal([7, 7, 5], statements.Select(statement => statement.Count));
        Assert.Equal(letters[1..], statements.SelectMany(statement => statement));
    }

    private static RawEvent Message(int bodyBytes) => new() { Hub = "hub", Partition = "0", DeviceId = "a", Body = new byte[bodyBytes] };

    private static DeadLetterList Letters(RawEvent[] messages, int elements)
    {
        var list = new DeadLetterList();
        foreach (var message in messages)
        {
            for (var element = 0; element < elements; element++)
            {
                list.Add(message, 0, new Rejection(0, element, RejectReason.WrongType, "wrong"));
            }
        }

        return list;
    }
}
