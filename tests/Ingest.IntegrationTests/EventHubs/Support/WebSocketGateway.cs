using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Ingest.TestSupport.Network;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>Takes AMQP over WebSockets, and hands the bytes of each connection to a server.</summary>
internal sealed class WebSocketGateway : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly CancellationTokenSource _end = new();
    private readonly Task _accepting;

    public WebSocketGateway(int target)
    {
        Port = LoopbackPort.Free();
        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/$servicebus/websocket/");
        _listener.Start();
        _accepting = AcceptAsync(target);
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Abort();
        await _accepting;
        await Task.WhenAll(_connections);
        _end.Dispose();
    }

    private async Task AcceptAsync(int target)
    {
        try
        {
            while (true)
            {
                _connections.Add(ServeAsync(await _listener.GetContextAsync(), target));
            }
        }
        catch (Exception exception) when (_end.IsCancellationRequested && exception is HttpListenerException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task ServeAsync(HttpListenerContext request, int target)
    {
        try
        {
            using var socket = (await request.AcceptWebSocketAsync("amqp")).WebSocket;
            using var server = new TcpClient();
            await server.ConnectAsync(IPAddress.Loopback, target, _end.Token);
            using var client = WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: false);
            await await Task.WhenAny(
                client.CopyToAsync(server.GetStream(), _end.Token), server.GetStream().CopyToAsync(client, _end.Token));
        }
        catch (Exception exception) when (exception is HttpListenerException or WebSocketException or IOException
            || (_end.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException))
        {
            // Either side has ended its connection, as a process does that ends.
        }
    }
}
