using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Ingest.TestSupport.Network;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>Takes AMQP over WebSockets, one connection at a time, and hands its bytes to a server.</summary>
internal sealed class WebSocketGateway : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Task _serving;

    public WebSocketGateway(int target)
    {
        Port = LoopbackPort.Free();
        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/$servicebus/websocket/");
        _listener.Start();
        _serving = ServeAsync(target);
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        _listener.Abort();
        await _serving;
    }

    private async Task ServeAsync(int target)
    {
        try
        {
            var request = await _listener.GetContextAsync();
            using var socket = (await request.AcceptWebSocketAsync("amqp")).WebSocket;
            using var server = new TcpClient();
            await server.ConnectAsync(IPAddress.Loopback, target);
            using var client = WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: false);
            await Task.WhenAny(client.CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(client));
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or WebSocketException)
        {
            // The test has ended its connection, or never made one.
        }
    }
}
