using System.Net;
using System.Net.Sockets;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Ingest.LocalHub.Protocol;
using Ingest.TestSupport.Fuzzing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

/// <summary>What a local user without the key, or a client that keeps to nothing, may try.</summary>
public sealed class HubAttackTests
{
    private const string Key = "a2V5LW9mLXRoZS1sb2NhbC1odWI=";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_bytes_end_their_connection_alone_and_the_next_client_is_served()
    {
        await using var hub = await HubAsync();
        var fuzzer = new AmqpPortFuzzer(hub.Port, seed: 1);

        Assert.Null(await fuzzer.RunAsync(2_000, () => ServesAsync(hub), Stop));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nesting_without_end_ends_its_sender_alone(bool lists)
    {
        await using var hub = await HubAsync();
        var body = new List<byte> { 0x00, 0x53, 0x10 };
        while (body.Count < 250_000)
        {
            body.AddRange(lists ? [0xd0, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01] : [0x00]);
        }

        await SendAsync(hub, AmqpPortFuzzer.Frame([.. body]));

        Assert.True(await ServesAsync(hub));
    }

    [Fact]
    public async Task An_array_that_claims_two_billion_elements_takes_no_memory()
    {
        await using var hub = await HubAsync();
        var before = GC.GetTotalAllocatedBytes();

        await SendAsync(hub, AmqpPortFuzzer.Frame([0x00, 0x53, 0x10, 0xf0, 0x00, 0x00, 0x00, 0x10, 0x7f, 0xff, 0xff, 0xff, 0x81]));

        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 64L * 1024 * 1024);
        Assert.True(await ServesAsync(hub));
    }

    [Fact]
    public async Task Whoever_sends_more_than_the_credit_allows_is_detached()
    {
        await using var hub = await HubAsync(key: null);
        const string Exceeded = "amqp:link:transfer-limit-exceeded";
        var transfer = AmqpPortFuzzer.Transfer(more: false, [0x00, 0x53, 0x75, 0xa0, 0x01, 0x78]);
        var said = await AttackAsync(hub, Exceeded, [.. Enumerable.Repeat(transfer, 300)], waitForCredit: false);

        Assert.Contains(Exceeded, said, StringComparison.Ordinal);
        Assert.InRange(hub.Partitions[0].LastSequenceNumber, -1, 255);
    }

    [Fact]
    public async Task A_delivery_without_end_is_detached()
    {
        await using var hub = await HubAsync(key: null);
        var part = AmqpPortFuzzer.Transfer(more: true, new byte[200_000]);
        var said = await AttackAsync(hub, "amqp:link:message-size-exceeded", [.. Enumerable.Repeat(part, 100)], waitForCredit: true);

        Assert.Contains("amqp:link:message-size-exceeded", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Out_of_descriptors_it_pauses_and_goes_on()
    {
        var attempts = 0;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var taken = new TaskCompletionSource<Socket>();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var acceptor = new Acceptor(AcceptAsync, taken.SetResult, TimeProvider.System, NullLogger.Instance);

        var accepting = acceptor.RunAsync(stopping.Token);

        Assert.Same(socket, await taken.Task.WaitAsync(TimeSpan.FromSeconds(20), Stop));
        await stopping.CancelAsync();
        await accepting;
        Assert.InRange(attempts, 4, 5);

        async ValueTask<Socket> AcceptAsync(CancellationToken token)
        {
            switch (++attempts)
            {
                case <= 3:
                    throw new SocketException((int)SocketError.TooManyOpenSockets);
                case 4:
                    return socket;
                default:
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                    return socket;
            }
        }
    }

    private static Task<LocalEventHub> HubAsync(string? key = Key) =>
        LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, SharedAccessKey = key }, Stop);

    private static async Task<bool> ServesAsync(LocalEventHub hub)
    {
        await using var client = await AmqpClient.ConnectAsync(hub);
        return await client.PutTokenAsync("no token") is 202 or 401;
    }

    private static async Task SendAsync(LocalEventHub hub, byte[] frame)
    {
        using var wire = await ConnectAsync(hub);
        await wire.SendAsync(AmqpPortFuzzer.Plain, Stop);
        await wire.SendAsync(frame, Stop);
        await ReadAsync(wire);
    }

    /// <summary>Attaches a sender by hand, sends, and returns what the hub said until it said <paramref name="expected"/>.</summary>
    private static async Task<string> AttackAsync(LocalEventHub hub, string expected, IReadOnlyList<byte[]> transfers, bool waitForCredit)
    {
        using var wire = await ConnectAsync(hub);
        if (!waitForCredit)
        {
            // In one piece, so that the hub has given no credit yet.
            await wire.SendAsync((byte[])[.. AmqpPortFuzzer.Attached, .. transfers.SelectMany(transfer => transfer)], Stop);
            return await ReadAsync(wire, expected).WaitAsync(Patience, Stop);
        }

        await wire.SendAsync(AmqpPortFuzzer.Attached, Stop);
        await ReadAsync(wire, "\0S\u0013").WaitAsync(Patience, Stop);
        var reading = ReadAsync(wire, expected);
        foreach (var transfer in transfers)
        {
            for (var sent = 0; sent < transfer.Length;)
            {
                sent += await wire.SendAsync(transfer.AsMemory(sent), Stop);
            }
        }

        return await reading.WaitAsync(Patience, Stop);
    }

    private static async Task<Socket> ConnectAsync(LocalEventHub hub)
    {
        var wire = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await wire.ConnectAsync(new IPEndPoint(IPAddress.Loopback, hub.Port), Stop);
        return wire;
    }

    private static async Task<string> ReadAsync(Socket wire, string? until = null)
    {
        var said = new System.Text.StringBuilder();
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = await wire.ReceiveAsync(buffer, Stop)) > 0)
            {
                said.Append(System.Text.Encoding.Latin1.GetString(buffer, 0, count));
                if (until is not null && said.ToString().Contains(until, StringComparison.Ordinal))
                {
                    break;
                }
            }
        }
        catch (SocketException)
        {
            // A connection that was reset.
        }

        return said.ToString();
    }
}
