using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>A wire to a server on loopback that can be cut: every connection through it ends, and the next one is let through again. With a
/// certificate it is encrypted towards the client.</summary>
internal sealed class TcpRelay : IAsyncDisposable
{
    private readonly X509Certificate2? _certificate;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private volatile int _target;
    private int _accepted;

    public TcpRelay(int target, X509Certificate2? certificate = null)
    {
        _certificate = certificate;
        _target = target;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Connections let through so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Ends every connection, without a word to either side.</summary>
    public void Cut()
    {
        foreach (var socket in _sockets.Keys)
        {
            // Close with no linger is a reset. A socket that has just ended by itself is none to cut.
            socket.Close(0);
        }
    }

    /// <summary>Lets the next connections through to another server.</summary>
    public void Retarget(int port) => _target = port;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_stopping.Token);
                Interlocked.Increment(ref _accepted);
                _ = RelayAsync(client);
            }
        }
        catch (Exception exception) when (
            _stopping.IsCancellationRequested && exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _sockets[client] = true;
        _sockets[server] = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _target);
            await using Stream wire = new NetworkStream(server, ownsSocket: true);
            await using var face = await FaceAsync(client);
            await Task.WhenAny(face.CopyToAsync(wire), wire.CopyToAsync(face));
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or AuthenticationException)
        {
            // Cut, or the client does not trust the certificate.
        }
        finally
        {
            _sockets.TryRemove(client, out _);
            _sockets.TryRemove(server, out _);
            client.Dispose();
        }
    }

    private async Task<Stream> FaceAsync(Socket client)
    {
        var plain = new NetworkStream(client, ownsSocket: true);
        if (_certificate is null)
        {
            return plain;
        }

        var encrypted = new SslStream(plain);
        await encrypted.AuthenticateAsServerAsync(_certificate);
        return encrypted;
    }
}
