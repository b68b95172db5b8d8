using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Xunit;

namespace Ingest.Tests.DeadLetters;

public sealed class DeadLetterListTests
{
    [Theory]
    [InlineData(10, 100)]
    [InlineData(10_486, 99)]
    [InlineData(256 * 1024, 4)]
    [InlineData(2 * 1024 * 1024, 1)]
    public void Of_one_messages_elements_the_first_ones_can_be_kept_and_all_are_counted(int bodyBytes, int kept)
    {
        var letters = Letters(Message(bodyBytes), elements: 5_000);

        Assert.Equal(5_000, letters.Count);
        Assert.Equal(Enumerable.Range(0, kept), letters.Where(letter => letter.Key is not null).Select(letter => letter.Rejection.Element));
        Assert.Equal(kept, letters.Where(letter => letter.Key is not null).Select(letter => Convert.ToHexString(letter.Key!)).Distinct().Count());
        Assert.All(letters, letter => Assert.Equal(DeadLetterFate.NotKept, letter.Fate));
    }

    [Fact]
    public void Each_message_has_room_of_its_own()
    {
        var list = new DeadLetterList();
        foreach (var message in new[] { Message(10), Message(10) })
        {
            for (var element = 0; element < 150; element++)
            {
                list.Add(message, 0, new Rejection(0, element, RejectReason.WrongType, "wrong"));
            }
        }

        Assert.Equal(200, list.Letters.Count(letter => letter.Key is not null));
    }

    [Fact]
    public void A_statement_takes_8_MiB_of_bodies_at_the_most()
    {
        var letters = Enumerable.Range(0, 20).SelectMany(_ => Letters(Message(1024 * 1024), elements: 1)).ToArray();
        foreach (var letter in letters[1..])
        {
            letter.Fate = DeadLetterFate.Kept;
        }

        var statements = DeadLetterTable.Statements(letters);

        Assert.Equal([8, 8, 3], statements.Select(statement => statement.Count));
        Assert.Equal(letters[1..], statements.SelectMany(statement => statement));
    }

    private static RawEvent Message(int bodyBytes) => new() { Hub = "hub", Partition = "0", DeviceId = "a", Body = new byte[bodyBytes] };

    private static IReadOnlyList<DeadLetter> Letters(RawEvent message, int elements)
    {
        var list = new DeadLetterList();
        for (var element = 0; element < elements; element++)
        {
            list.Add(message, 0, new Rejection(0, element, RejectReason.WrongType, "wrong"));
        }

        return list.Letters;
    }
}
