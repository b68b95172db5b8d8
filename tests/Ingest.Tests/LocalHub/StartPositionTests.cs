using Amqp;
using CsCheck;
using Ingest.LocalHub.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.LocalHub;

public sealed class StartPositionTests
{
    // Sequence numbers 10 to 19, a second apart from 1000 s on.
    private readonly PartitionLog _log = Log();

    [Theory]
    [InlineData("amqp.annotation.x-opt-offset > '-1'", 0)]
    [InlineData("amqp.annotation.x-opt-offset > -1", 0)]
    [InlineData("amqp.annotation.x-opt-offset > '@latest'", 20)]
    [InlineData("amqp.annotation.x-opt-offset > '1536'", 13)]
    [InlineData("amqp.annotation.x-opt-offset >= '1536'", 12)]
    [InlineData("amqp.annotation.x-opt-offset >= '1537'", 13)]
    [InlineData("amqp.annotation.x-opt-offset > '2432'", 20)]
    [InlineData("amqp.annotation.x-opt-sequence-number > '12'", 13)]
    [InlineData("amqp.annotation.x-opt-sequence-number >= 12", 12)]
    [InlineData("amqp.annotation.x-opt-sequence-number>'19'", 20)]
    [InlineData("amqp.annotation.x-opt-enqueued-time > '1002000'", 13)]
    [InlineData("amqp.annotation.x-opt-enqueued-time >= '1002000'", 12)]
    [InlineData("amqp.annotation.x-opt-enqueued-time > 1002500", 13)]
    [InlineData("amqp.annotation.x-opt-enqueued-time > '0'", 10)]
    [InlineData("  amqp.annotation.x-opt-enqueued-time  >  '1009000'  ", 20)]
    [InlineData("amqp.annotation.x-opt-enqueued-time > '9223372036854775807'", 20)]
    public void A_filter_of_a_client_starts_where_it_says(string filter, long expected) =>
        Assert.Equal(expected, StartPosition.Parse(filter).Resolve(_log));

    [Theory]
    [InlineData("")]
    [InlineData("amqp.annotation.x-opt-offset < '5'")]
    [InlineData("amqp.annotation.x-opt-offset > '5")]
    [InlineData("amqp.annotation.x-opt-offset > '5' OR 1 = 1")]
    [InlineData("amqp.annotation.x-opt-offset > 'five'")]
    [InlineData("amqp.annotation.x-opt-offset > '99999999999999999999'")]
    [InlineData("amqp.annotation.x-opt-publisher > 'x'")]
    [InlineData("amqp.annotation.x-opt-sequence-number > '20'")]
    [InlineData("amqp.annotation.x-opt-sequence-number >= '20'")]
    [InlineData("amqp.annotation.x-opt-offset > '2433'")]
    public void A_filter_that_is_none_or_lies_past_the_end_is_refused(string filter)
    {
        var refused = Assert.Throws<AmqpException>(() => StartPosition.Parse(filter).Resolve(_log));

        Assert.Equal("com.microsoft:argument-error", refused.Error.Condition.ToString());
    }

    [Fact]
    public void Any_text_is_a_position_from_which_reading_goes_on_or_is_refused()
    {
        var value = Gen.OneOf(Gen.String, Gen.Long.Select(number => $"{number}"), Gen.OneOf($"{long.MinValue}", "-0", "+5", "@latest"));
        var filter = Gen.Select(
            Gen.OneOf("amqp.annotation.x-opt-offset", "amqp.annotation.x-opt-sequence-number", "amqp.annotation.x-opt-enqueued-time", ""),
            Gen.OneOf(">", ">=", " > ", ""),
            Gen.OneOf("'", ""),
            value,
            (name, comparison, quote, text) => $"{name}{comparison}{quote}{text}{quote}");
        filter.Sample(
            text =>
            {
                try
                {
                    return StartPosition.Parse(text).Resolve(_log) <= _log.State.Last + 1;
                }
                catch (AmqpException)
                {
                    return true;
                }
            },
            iter: 20_000);
    }

    private static PartitionLog Log()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1000));
        var log = new PartitionLog("0", firstSequenceNumber: 10, maxBytes: null, clock);
        for (var i = 0; i < 10; i++)
        {
            log.Append(100);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        return log;
    }
}
