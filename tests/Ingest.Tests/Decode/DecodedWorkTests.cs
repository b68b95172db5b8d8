using System.IO.Compression;
using System.Text;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

/// <summary>A small message can hold much work: what is decoded is bounded by what it comes to.</summary>
public sealed class DecodedWorkTests
{
    private readonly DecoderDriver _driver = new();

    [Fact]
    public void Of_ten_thousand_bad_elements_a_hundred_are_rejections_and_the_others_are_counted_by_reason()
    {
        var elements = string.Join(',', Enumerable.Range(0, 10_000).Select(element => element < 5_000 ? "1" : "{\"temperature\":\"x\"}"));
        using var batch = _driver.Decode(Message("""{"temperature":1}"""), Message($"[{elements}]"), Message("[2,3]"));

        Assert.Equal(10_003, batch.Received);
        Assert.Equal(Enumerable.Range(0, 100), batch.Rejections.Where(rejection => rejection.Event == 1).Select(rejection => rejection.Element));
        Assert.Equal(2, batch.Rejections.Count(rejection => rejection.Event == 2));
        Assert.Equal([new RejectionCount(1, RejectReason.NotObject, 4_900), new RejectionCount(1, RejectReason.WrongType, 5_000)], batch.Counts);
    }

    [Fact]
    public void What_is_past_the_hundred_is_not_built()
    {
        // A few kilobytes for the first hundred sentences; ten thousand of them would take megabytes.
        var message = Message($"[{string.Join(',', Enumerable.Repeat("{\"device\":\"other\"}", 4_000))},{string.Join(',', Enumerable.Repeat("1", 5_999))}]");
        _driver.Decode(message).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        _driver.Decode(message).Dispose();

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }

    [Fact]
    public void A_body_that_proves_to_be_no_JSON_after_ten_thousand_elements_is_one_rejection()
    {
        using var batch = _driver.Decode($"[{string.Join(',', Enumerable.Repeat("1", 9_999))},");

        Assert.Equal((1, RejectReason.NotJson), (batch.Rejections.Count, batch.Rejections[0].Reason));
        Assert.Empty(batch.Counts);
    }

    [Fact]
    public void Decoding_pauses_after_the_message_that_reaches_the_limit_of_readings()
    {
        RawEvent[] events = [.. Enumerable.Range(0, 10).Select(_ => Message("""[{"temperature":1},{"temperature":2},3]"""))];

        Assert.Equal([(0, 2, 6), (2, 4, 6), (4, 6, 6), (6, 8, 6), (8, 10, 6)], Parts(_driver, events, new PartLimits(5, long.MaxValue)));
    }

    [Fact]
    public void Decoding_pauses_before_the_message_that_would_pass_the_limit_of_bytes()
    {
        var driver = Mapping(("note", ColumnType.Text));
        RawEvent[] events = [.. Enumerable.Range(0, 6).Select(_ => Message($$"""{"note":"{{new string('x', 400)}}"}"""))];

        // Of 411 bytes and 400 of text each.
        Assert.Equal([(0, 2, 2), (2, 4, 2), (4, 6, 2)], Parts(driver, events, new PartLimits(1_000, 2_000)));
    }

    [Fact]
    public void One_message_is_decoded_whatever_it_comes_to() =>
        Assert.Equal([(0, 1, 2), (1, 2, 2)], Parts(_driver, [Message("[{},{}]"), Message("[{},{}]")], new PartLimits(1, 1)));

    [Fact]
    public void With_a_checkpoint_decoding_pauses_only_where_one_can_stand()
    {
        RawEvent[] events = [.. Enumerable.Range(0, 4).Select(number => new RawEvent
        {
            Hub = "hub",
            Partition = "0",
            DeviceId = "dev-1",
            RowTime = Noon,
            EnqueuedTime = Noon,
            Offset = number % 2 == 0 ? null : "1",
            SequenceNumber = number,
            Body = Encoding.UTF8.GetBytes("{\"temperature\":1}"),
        })];

        Assert.Equal([(0, 2, 2), (2, 4, 2)], Parts(_driver, events, new PartLimits(1, long.MaxValue, AtPosition: true)));
    }

    [Theory]
    [InlineData("1e131071", 9_000, "1179666000")]
    [InlineData("1e-16383", 2_000, "32774000")]
    public void A_jsonb_value_is_refused_by_the_size_it_would_have_when_written_out(string number, int times, string size)
    {
        var driver = Mapping(("data", ColumnType.Jsonb));
        var rejection = driver.Rejection($$"""{"data":[{{string.Join(',', Enumerable.Repeat(number, times))}}]}""");

        Assert.Equal(RejectReason.OutOfRange, rejection.Reason);
        Assert.Contains($"data, of {(times * (number.Length + 1)) + 1} bytes, would have {size} bytes when the server writes the column \"c0\" out", rejection.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_jsonb_values_of_one_message_are_bounded_together_and_those_of_the_next_again()
    {
        var driver = Mapping(("data", ColumnType.Jsonb));
        var body = $"[{string.Join(',', Enumerable.Repeat("{\"data\":1e131071}", 200))},{{\"data\":1}}]";
        using var batch = driver.Decode(body, body);

        Assert.Equal((2 * 128, 2 * 73), (batch.Readings.Count, batch.Rejections.Count));
    }

    [Fact]
    public void Of_repeated_names_only_the_last_value_is_written_out()
    {
        var driver = Mapping(("data", ColumnType.Jsonb));
        var large = string.Join(',', Enumerable.Repeat("1e131071", 9_000));

        Assert.Equal(["""{"a":1}"""], driver.Row($$$"""{"data":{"a":[{{{large}}}],"a":1}}"""));
        Assert.Equal(RejectReason.OutOfRange, driver.Rejection($$$"""{"data":{"a":1,"a":[{{{large}}}]}}""").Reason);
    }

    [Fact]
    public void A_content_encoding_of_any_length_is_named_shortened()
    {
        var rejection = _driver.Rejection("{}"u8.ToArray(), new string('g', 100_000));

        Assert.Equal(RejectReason.BadEncoding, rejection.Reason);
        Assert.InRange(rejection.Detail.Length, 10, 200);
    }

    [Fact]
    public void Sixty_one_bytes_that_hold_ten_thousand_readings_cost_a_hundred_rejections()
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
        {
            gzip.Write(Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat("1", 9_999))}]"));
        }

        var message = Message(compressed.ToArray(), encoding: "gzip");
        using var batch = _driver.Decode(message);
        Assert.InRange(message.Body.Length, 1, 100);
        Assert.Equal((100, 9_999L), (batch.Rejections.Count, batch.Received));
    }

    private static List<(int First, int End, long Received)> Parts(DecoderDriver driver, RawEvent[] events, PartLimits limits)
    {
        List<(int First, int End, long Received)> parts = [];
        for (var next = 0; next < events.Length; next = parts[^1].End)
        {
            using var part = driver.Decode(events, next, limits);
            parts.Add((part.First, part.End, part.Received));
        }

        return parts;
    }
}
