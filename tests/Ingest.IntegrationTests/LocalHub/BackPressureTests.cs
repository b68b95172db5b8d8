using Ingest.TestSupport;
using System.Globalization;
using Amqp;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

public sealed class BackPressureTests
{
    private const int MaxBytes = 64 * 1024;
    private const int BodyLength = 200;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("telemetry/Partitions/0")]
    [InlineData("telemetry")]
    public async Task A_full_partition_holds_its_sender_back_and_loses_nothing(string target)
    {
        const int Count = 5000;
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, MaxBytesPerPartition = MaxBytes }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        await using var other = await AmqpClient.ConnectAsync(hub);
        var sending = SendAsync(await client.OpenSenderAsync(target), Count);

        await HeldAsync(hub, sending);
        var held = hub.Partitions[0];
        var reader = await other.OpenReaderAsync("0");
        var read = new List<string>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        reader.Start(50, (link, message) =>
        {
            read.Add(HubEvents.Body(message).TrimEnd());
            link.Accept(message);
            if (read.Count == Count)
            {
                done.SetResult();
            }
        });
        await done.Task.WaitAsync(AmqpClient.Patience, Cancelled);
        await sending.WaitAsync(AmqpClient.Patience, Cancelled);

        // What the sender had credit for when the partition filled up may still come: 256 messages of under 400 bytes.
        Assert.Equal(0, held.FirstSequenceNumber);
        Assert.InRange(held.Bytes, MaxBytes, MaxBytes + (256 * 400));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => i.ToString(CultureInfo.InvariantCulture)), read);
        Assert.True(hub.Partitions[0].FirstSequenceNumber > 0);
    }

    [Fact]
    public async Task What_a_slower_reader_needs_is_kept_for_it()
    {
        const int Count = 2000;
        await using var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, Partitions = 1, MaxBytesPerPartition = MaxBytes, ConsumerGroups = ["slow"] }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        await using var fast = await AmqpClient.ConnectAsync(hub);
        await using var slow = await AmqpClient.ConnectAsync(hub);
        var slowReader = await slow.OpenReaderAsync("0", group: "slow");
        var fastReader = await fast.OpenReaderAsync("0");
        fastReader.Start(50, (link, message) => link.Accept(message));
        var sending = SendAsync(await client.OpenSenderAsync("telemetry"), Count);
        await HeldAsync(hub, sending);

        var read = new List<long>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        slowReader.Start(50, (link, message) =>
        {
            read.Add(HubEvents.SequenceNumber(message));
            link.Accept(message);
            if (read.Count == Count)
            {
                done.SetResult();
            }
        });
        await done.Task.WaitAsync(AmqpClient.Patience, Cancelled);
        await sending.WaitAsync(AmqpClient.Patience, Cancelled);

        Assert.Equal(Enumerable.Range(0, Count).Select(i => (long)i), read);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_reader_has_in_hand_is_there_again_after_it_was_cut(bool settled)
    {
        // Many times a segment's events, so that what is wrongly passed is dropped too.
        const int Credit = 1000;
        const int Done = 2000;
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, MaxBytesPerPartition = MaxBytes }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var reader = await client.OpenReaderAsync("0", settled: settled);
        var inHand = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var count = 0;
        reader.Start(Credit, (link, message) =>
        {
            // The first ones are done with; of what comes then, nothing is.
            if (++count <= Done)
            {
                link.Accept(message);
            }
            else
            {
                inHand.TrySetResult(HubEvents.SequenceNumber(message));
            }
        });
        HubEvents.Append(hub, "0", 4000);
        var first = await inHand.Task.WaitAsync(AmqpClient.Patience, Cancelled);

        hub.CutConnections();
        await using var again = await AmqpClient.ConnectAsync(hub);
        var next = Assert.Single(await again.ReadAsync("0", 1, $"amqp.annotation.x-opt-sequence-number >= '{first}'"));

        Assert.Equal(Done, first);
        Assert.Equal(first, HubEvents.SequenceNumber(next));
        Assert.True(hub.Partitions[0].FirstSequenceNumber > 0);
    }

    [Fact]
    public async Task A_hub_without_a_bound_keeps_everything_and_holds_nobody_back()
    {
        const int Count = 2000;
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, MaxBytesPerPartition = null }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);

        await SendAsync(await client.OpenSenderAsync("telemetry"), Count).WaitAsync(AmqpClient.Patience, Cancelled);
        Assert.Equal(Count, (await client.ReadAsync("0", Count)).Count);
        Assert.Equal(Count, (await client.ReadAsync("0", Count)).Count);

        Assert.Equal(0, hub.Partitions[0].FirstSequenceNumber);
    }

    private static async Task SendAsync(SenderLink sender, int count)
    {
        var pending = new List<Task>();
        for (var i = 0; i < count; i++)
        {
            pending.Add(sender.SendAsync(HubEvents.Of(i.ToString(CultureInfo.InvariantCulture).PadRight(BodyLength))));
        }

        await Task.WhenAll(pending);
    }

    /// <summary>Waits until the hub holds its sender back; a hub that does not lets the sending end, and that fails.</summary>
    private static Task HeldAsync(LocalEventHub hub, Task sending) => Eventually.IsTrueAsync(
        () =>
        {
            Assert.False(sending.IsCompleted, "The sender was not held back.");
            return hub.Partitions[0].HoldsSenders;
        },
        "the hub holds its sender back");
}
