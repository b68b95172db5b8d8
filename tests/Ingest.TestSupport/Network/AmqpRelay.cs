using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Ingest.TestSupport.Network;

/// <summary>A relay in front of a hub on loopback that can say more than the hub does: between two of its frames, one that was made up.</summary>
public sealed class AmqpRelay : IAsyncDisposable
{
    private const int HeaderLength = 8;
    private const int LongestFrame = 16 * 1024 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, byte> _relays = new();
    private readonly int _target;
    private readonly Func<byte[]?> _insert;
    private readonly Task _accepting;

    private AmqpRelay(int target, Func<byte[]?> insert)
    {
        _target = target;
        _insert = insert;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <param name="target">The hub's port.</param>
    /// <param name="insert">Asked before each of the hub's frames for what to say besides, from many connections at once; null: nothing.</param>
    public static AmqpRelay Start(int target, Func<byte[]?> insert) => new(target, insert);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_relays.Keys);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _relays.TryAdd(RelayAsync(await _listener.AcceptSocketAsync(_stop.Token)), 0);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                break;
            }
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _target), _stop.Token);
                await using var fromClient = new NetworkStream(client);
                await using var fromServer = new NetworkStream(server);
                using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                var ways = new[] { fromClient.CopyToAsync(fromServer, ended.Token), FramesAsync(fromServer, fromClient, ended.Token) };
                await Task.WhenAny(ways);
                await ended.CancelAsync();
                await Task.WhenAll(ways);
            }
            catch (Exception exception) when (exception is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                // One side has gone, and so does the other.
            }
        }
    }

    private async Task FramesAsync(NetworkStream hub, NetworkStream client, CancellationToken cancellationToken)
    {
        var frame = new byte[64 * 1024];
        while (await hub.ReadAtLeastAsync(frame.AsMemory(0, HeaderLength), HeaderLength, throwOnEndOfStream: false, cancellationToken) == HeaderLength)
        {
            // A protocol's header, which has no length, or a frame's.
            var length = frame.AsSpan().StartsWith("AMQP"u8) ? HeaderLength : BinaryPrimitives.ReadInt32BigEndian(frame);
            if (length is < HeaderLength or > LongestFrame)
            {
                return;
            }

            if (length > frame.Length)
            {
                Array.Resize(ref frame, length);
            }

            await hub.ReadExactlyAsync(frame.AsMemory(HeaderLength, length - HeaderLength), cancellationToken);
            if (_insert() is { } inserted)
            {
                await client.WriteAsync(inserted, cancellationToken);
            }

            await client.WriteAsync(frame.AsMemory(0, length), cancellationToken);
        }
    }
}
