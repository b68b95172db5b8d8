using Amqp;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

public sealed class EpochTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    public async Task A_reader_with_a_higher_or_the_same_epoch_takes_over(long newcomer)
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var one = await AmqpClient.ConnectAsync(hub);
        await using var two = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 1);
        var stolen = ErrorOf(await one.OpenReaderAsync("0", epoch: 1));

        var reader = await two.OpenReaderAsync("0", epoch: newcomer);

        Assert.Equal(ErrorCode.Stolen, await stolen.WaitAsync(AmqpClient.Patience, Cancelled));
        Assert.Single(await AmqpClient.TakeAsync(reader, 1));
    }

    [Fact]
    public async Task A_reader_with_an_epoch_takes_over_from_those_without()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var stolen = new[] { ErrorOf(await client.OpenReaderAsync("0")), ErrorOf(await client.OpenReaderAsync("0")) };

        await client.OpenReaderAsync("0", epoch: 0);

        Assert.All(await Task.WhenAll(stolen).WaitAsync(AmqpClient.Patience, Cancelled), condition => Assert.Equal(ErrorCode.Stolen, condition));
    }

    [Theory]
    [InlineData(4L)]
    [InlineData(null)]
    public async Task A_reader_with_a_lower_epoch_or_none_is_refused(long? epoch)
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 1);
        var owner = await client.OpenReaderAsync("0", epoch: 5);

        var refusal = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0", epoch: epoch));

        Assert.Equal(ErrorCode.Stolen, refusal.Error.Condition);
        Assert.Single(await AmqpClient.TakeAsync(owner, 1));
    }

    [Fact]
    public async Task Other_partitions_and_other_groups_have_epochs_of_their_own()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, ConsumerGroups = ["replay"] }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        await client.OpenReaderAsync("0", epoch: 5);

        await client.OpenReaderAsync("1", epoch: 1);
        await client.OpenReaderAsync("0", group: "replay");
    }

    [Fact]
    public async Task A_lower_epoch_is_taken_once_the_higher_one_has_gone()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        await (await client.OpenReaderAsync("0", epoch: 5)).CloseAsync();

        await client.OpenReaderAsync("0", epoch: 1);
    }

    [Fact]
    public async Task Five_readers_without_an_epoch_may_share_a_partition_and_a_sixth_may_not()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        var readers = new List<ReceiverLink>();
        for (var i = 0; i < 5; i++)
        {
            readers.Add(await client.OpenReaderAsync("0"));
        }

        var refusal = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0"));
        await readers[2].CloseAsync();
        await client.OpenReaderAsync("0");

        Assert.Equal(ErrorCode.ResourceLimitExceeded, refusal.Error.Condition);
    }

    private static Task<string?> ErrorOf(ReceiverLink reader)
    {
        var closed = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        reader.AddClosedCallback((_, error) => closed.TrySetResult(error?.Condition));
        return closed.Task;
    }
}
