using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Ingest.Benchmarks;

/// <summary>
/// A relay in front of a server on loopback that holds what it is given for half a round trip in each direction, at full bandwidth.
/// </summary>
internal sealed class LatencyRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly TimeSpan _oneWay;
    private readonly Task _accepting;

    public LatencyRelay(int target, TimeSpan roundTrip)
    {
        _target = target;
        _oneWay = roundTrip / 2;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var relays = new List<Task>();
        try
        {
            while (true)
            {
                relays.Add(RelayAsync(await _listener.AcceptSocketAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            await Task.WhenAll(relays);
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        using (client)
        {
            await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            await Task.WhenAll(PumpAsync(client, server), PumpAsync(server, client));
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        var held = Channel.CreateBounded<(byte[] Bytes, long Arrived)>(256);
        var sending = SendAsync(held.Reader, to);
        try
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReceiveAsync(buffer, _stop.Token) is var read and > 0)
            {
                await held.Writer.WriteAsync((buffer[..read], TimeProvider.System.GetTimestamp()), _stop.Token);
            }
        }
        catch (Exception exception) when (
            exception is SocketException || (exception is OperationCanceledException && _stop.IsCancellationRequested))
        {
            // This end has left: the other is told below.
        }

        held.Writer.Complete();
        await sending;
    }

    private async Task SendAsync(ChannelReader<(byte[] Bytes, long Arrived)> held, Socket to)
    {
        try
        {
            await foreach (var (bytes, arrived) in held.ReadAllAsync(_stop.Token))
            {
                var left = _oneWay - TimeProvider.System.GetElapsedTime(arrived);
                if (left > TimeSpan.Zero)
                {
                    await Task.Delay(left, TimeProvider.System, _stop.Token);
                }

                await to.SendAsync(bytes, _stop.Token);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (
            exception is SocketException || (exception is OperationCanceledException && _stop.IsCancellationRequested))
        {
            // Nobody is there to take the rest.
        }
    }
}
