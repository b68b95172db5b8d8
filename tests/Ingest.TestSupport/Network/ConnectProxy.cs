using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ingest.TestSupport.Network;

/// <summary>An HTTP proxy on loopback that knows CONNECT alone, whatever host it is told: all lead to one port.</summary>
public sealed class ConnectProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Task> _tunnels = [];
    private readonly CancellationTokenSource _end = new();
    private readonly Task _accepting;

    public ConnectProxy(int target)
    {
        _listener.Start();
        _accepting = AcceptAsync(target);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What was asked for: <c>CONNECT host:port HTTP/1.1</c>.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_tunnels);
        _end.Dispose();
    }

    private async Task AcceptAsync(int target)
    {
        try
        {
            while (true)
            {
                _tunnels.Add(TunnelAsync(await _listener.AcceptTcpClientAsync(_end.Token), target));
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The test has ended.
        }
    }

    private async Task TunnelAsync(TcpClient accepted, int target)
    {
        using var client = accepted;
        using var server = new TcpClient();
        try
        {
            var head = new StringBuilder();
            var one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                await client.GetStream().ReadExactlyAsync(one, _end.Token);
                head.Append((char)one[0]);
            }

            Asked.Enqueue(head.ToString().Split("\r\n")[0]);
            await server.ConnectAsync(IPAddress.Loopback, target, _end.Token);
            await client.GetStream().WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), _end.Token);
            await await Task.WhenAny(
                client.GetStream().CopyToAsync(server.GetStream(), _end.Token),
                server.GetStream().CopyToAsync(client.GetStream(), _end.Token));
        }
        catch (Exception exception) when (exception is IOException || _end.IsCancellationRequested)
        {
            // Either side has ended its connection, as a process does that ends.
        }
    }
}
