using Amqp;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

public sealed class ReadingTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, 0)]
    [InlineData("amqp.annotation.x-opt-offset > '-1'", 0)]
    [InlineData("amqp.annotation.x-opt-offset > -1", 0)]
    [InlineData("amqp.annotation.x-opt-offset >= '-1'", 0)]
    [InlineData("amqp.annotation.x-opt-sequence-number > '3'", 4)]
    [InlineData("amqp.annotation.x-opt-sequence-number >= '3'", 3)]
    [InlineData("amqp.annotation.x-opt-sequence-number > 3", 4)]
    [InlineData("amqp.annotation.x-opt-sequence-number > '-1'", 0)]
    [InlineData("amqp.annotation.x-opt-enqueued-time > '0'", 0)]
    public async Task A_reader_starts_where_its_filter_says(string? selector, long first)
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);

        var read = await client.ReadAsync("0", 2, selector);

        Assert.Equal([first, first + 1], read.Select(HubEvents.SequenceNumber));
    }

    [Theory]
    [InlineData(">", 1)]
    [InlineData(">=", 0)]
    public async Task A_reader_goes_on_from_the_offset_of_an_event_it_has_read(string comparison, int further)
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);
        foreach (var message in await client.ReadAsync("0", 9))
        {
            var offset = HubEvents.Annotation(message, "x-opt-offset");

            var next = Assert.Single(await client.ReadAsync("0", 1, $"amqp.annotation.x-opt-offset {comparison} '{offset}'"));

            Assert.Equal(HubEvents.SequenceNumber(message) + further, HubEvents.SequenceNumber(next));
        }
    }

    [Fact]
    public async Task A_reader_from_the_latest_gets_what_is_sent_after_it_attached()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);
        var reader = await client.OpenReaderAsync("0", "amqp.annotation.x-opt-offset > '@latest'");

        HubEvents.Append(hub, "0", 1);

        Assert.Equal(10, HubEvents.SequenceNumber(Assert.Single(await AmqpClient.TakeAsync(reader, 1))));
    }

    [Fact]
    public async Task A_reader_positioned_before_the_first_event_retained_starts_at_it()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);
        hub.DropBefore("0", 6);

        var read = await client.ReadAsync("0", 4, "amqp.annotation.x-opt-sequence-number > '2'");

        Assert.Equal([6, 7, 8, 9], read.Select(HubEvents.SequenceNumber));
        Assert.Equal(6, hub.Partitions[0].FirstSequenceNumber);
    }

    [Fact]
    public async Task Events_dropped_under_a_reader_are_a_gap_in_what_it_gets()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);
        var reader = await client.OpenReaderAsync("0");
        var before = await AmqpClient.TakeAsync(reader, 2);

        hub.DropBefore("0", 7);
        var after = await AmqpClient.TakeAsync(reader, 3);

        Assert.Equal([0, 1, 7, 8, 9], before.Concat(after).Select(HubEvents.SequenceNumber));
    }

    [Fact]
    public async Task A_hub_can_go_on_where_another_one_ended()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, FirstSequenceNumbers = [0, 5000] }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "1", 2);

        var read = await client.ReadAsync("1", 2, "amqp.annotation.x-opt-sequence-number > '4999'");

        Assert.Equal([5000, 5001], read.Select(HubEvents.SequenceNumber));
    }

    [Theory]
    [InlineData("amqp.annotation.x-opt-sequence-number > '10'")]
    [InlineData("amqp.annotation.x-opt-offset > '123456789'")]
    [InlineData("amqp.annotation.x-opt-offset > 'no offset'")]
    [InlineData("amqp.annotation.x-opt-something > '1'")]
    [InlineData("amqp.annotation.x-opt-offset = '1'")]
    public async Task A_position_the_hub_does_not_know_is_refused(string selector)
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);

        var refusal = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0", selector));

        Assert.Equal("com.microsoft:argument-error", refusal.Error.Condition);
    }

    [Fact]
    public async Task What_does_not_exist_is_refused_in_the_words_that_clients_know()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, ConsumerGroups = ["replay"] }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);

        var noHub = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0", hub: "nothing"));
        var noGroup = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0", group: "nobody"));
        var noPartition = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("4"));
        var noTarget = await Assert.ThrowsAsync<AmqpException>(() => client.OpenSenderAsync("nothing"));
        await client.OpenReaderAsync("0", group: "replay");

        Assert.All([noHub, noGroup, noTarget], refusal =>
        {
            Assert.Equal(ErrorCode.NotFound, refusal.Error.Condition);
            Assert.Matches("^The messaging entity '.+' could not be found\\.$", refusal.Error.Description);
        });
        Assert.Equal("com.microsoft:argument-out-of-range", noPartition.Error.Condition);
    }

    [Fact]
    public async Task A_reader_gets_no_more_than_its_credit()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 100);
        var reader = await client.OpenReaderAsync("0");

        reader.SetCredit(10, CreditMode.Manual);
        var other = await client.ReadAsync("0", 100);
        var taken = new List<long>();
        for (var message = await reader.ReceiveAsync(TimeSpan.FromMilliseconds(200)); message is not null; message = await reader.ReceiveAsync(TimeSpan.FromMilliseconds(200)))
        {
            taken.Add(HubEvents.SequenceNumber(message));
        }

        Assert.Equal(100, other.Count);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (long)i), taken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Twenty_thousand_events_arrive_in_order_settled_or_not(bool settled)
    {
        const int Count = 20_000;
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", Count);
        var reader = await client.OpenReaderAsync("0", settled: settled);
        var read = new List<long>(Count);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        reader.Start(300, (link, message) =>
        {
            read.Add(HubEvents.SequenceNumber(message));
            link.Accept(message);
            if (read.Count == Count)
            {
                done.SetResult();
            }
        });

        await done.Task.WaitAsync(AmqpClient.Patience, Cancelled);

        Assert.Equal(Enumerable.Range(0, Count).Select(i => (long)i), read);
    }

    [Fact]
    public async Task Several_readers_of_different_groups_read_the_same_events()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, ConsumerGroups = ["replay"] }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 20);

        var first = await client.ReadAsync("0", 20);
        var second = await client.ReadAsync("0", 20, group: "replay");

        Assert.Equal(first.Select(HubEvents.SequenceNumber), second.Select(HubEvents.SequenceNumber));
    }
}
