using Amqp;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

public sealed class FaultTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Connections_can_be_cut_and_clients_may_come_back()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 1);
        var closed = Closed(await client.OpenReaderAsync("0", epoch: 3));

        hub.CutConnections();
        await closed.WaitAsync(AmqpClient.Patience, Cancelled);
        await using var again = await AmqpClient.ConnectAsync(hub);

        Assert.Single(await again.ReadAsync("0", 1));
    }

    [Fact]
    public async Task Links_can_be_detached_with_an_error_while_their_connection_lives()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 1);
        var reader = Closed(await client.OpenReaderAsync("0"));
        var sender = Closed(await client.OpenSenderAsync("telemetry"));

        hub.DetachLinks("amqp:link:detach-forced", "The partition moves.");

        Assert.Equal("amqp:link:detach-forced", (await reader.WaitAsync(AmqpClient.Patience, Cancelled))?.Condition);
        Assert.Equal("The partition moves.", (await sender.WaitAsync(AmqpClient.Patience, Cancelled))?.Description);
        Assert.Single(await client.ReadAsync("0", 1));
    }

    [Fact]
    public async Task Links_can_be_refused_for_a_while()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);

        hub.RefuseLinks("com.microsoft:server-busy", "Later.");
        var refusal = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0"));
        hub.AcceptLinks();
        await client.OpenReaderAsync("0");

        Assert.Equal("com.microsoft:server-busy", refusal.Error.Condition);
    }

    [Fact]
    public async Task A_hub_that_begins_anew_knows_no_position_of_before()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        HubEvents.Append(hub, "0", 10);
        var closed = Closed(await client.OpenReaderAsync("0"));

        hub.Restart();
        await closed.WaitAsync(AmqpClient.Patience, Cancelled);
        HubEvents.Append(hub, "0", 1);
        await using var again = await AmqpClient.ConnectAsync(hub);

        var refusal = await Assert.ThrowsAsync<AmqpException>(() => again.OpenReaderAsync("0", "amqp.annotation.x-opt-sequence-number > '9'"));
        Assert.Equal("com.microsoft:argument-error", refusal.Error.Condition);
        Assert.Equal(0, HubEvents.SequenceNumber(Assert.Single(await again.ReadAsync("0", 1))));
    }

    [Fact]
    public async Task Bytes_that_are_no_AMQP_end_their_connection_and_no_other()
    {
        await using var hub = await LocalEventHub.StartAsync(new LocalHubSettings { Port = 0 }, Cancelled);
        await using var client = await AmqpClient.ConnectAsync(hub);
        using var stranger = new System.Net.Sockets.TcpClient();
        await stranger.ConnectAsync(System.Net.IPAddress.Loopback, hub.Port, Cancelled);
        var stream = stranger.GetStream();

        await stream.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), Cancelled);
        var read = await ReadToEndAsync(stream);

        Assert.Equal(0, read);
        await client.OpenReaderAsync("0");
    }

    private static async Task<int> ReadToEndAsync(Stream stream)
    {
        try
        {
            return await stream.ReadAsync(new byte[100], Cancelled).AsTask().WaitAsync(AmqpClient.Patience, Cancelled);
        }
        catch (IOException)
        {
            // Closed with bytes of ours unread, which TCP reports as a reset.
            return 0;
        }
    }

    private static Task<Amqp.Framing.Error?> Closed(Link link)
    {
        var closed = new TaskCompletionSource<Amqp.Framing.Error?>(TaskCreationOptions.RunContinuationsAsynchronously);
        link.AddClosedCallback((_, error) => closed.TrySetResult(error));
        return closed.Task;
    }
}
