using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Ingest.TestSupport.Network;

/// <summary>Which way bytes go.</summary>
public enum WireDirection
{
    /// <summary>What the client says.</summary>
    ToServer,

    /// <summary>What the server answers.</summary>
    ToClient,
}

/// <summary>All that has passed a <see cref="TcpProxy"/> since it was asked to note it.</summary>
public sealed class WireRecording
{
    private readonly Lock _gate = new();
    private readonly List<byte>[] _bytes = [[], []];

    /// <summary>The bytes that went this way.</summary>
    public byte[] Bytes(WireDirection direction)
    {
        lock (_gate)
        {
            return [.. _bytes[(int)direction]];
        }
    }

    internal void Note(WireDirection direction, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            _bytes[(int)direction].AddRange(bytes);
        }
    }
}

/// <summary>A relay in front of a server on loopback, which a test can cut: between a statement and its answer, or altogether.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, byte> _open = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly Task _accepting;
    private volatile byte[]? _cutAfter;
    private volatile WireCut? _cut;
    private volatile WireRecording? _recording;
    private volatile TaskCompletionSource? _silence;
    private volatile bool _closed;
    private int _cuts;

    private TcpProxy(int target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How often an answer was cut off.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    public static TcpProxy Start(int target) => new(target);

    /// <summary>
    /// The next time a client sends <paramref name="statement"/>, the server gets it and the client gets no answer: its connection ends
    /// once the server has answered. With <paramref name="before"/>, not even the server gets it.
    /// </summary>
    public void CutAnswerTo(string statement, bool before = false)
    {
        CutsBefore = before;
        _cutAfter = System.Text.Encoding.ASCII.GetBytes(statement);
    }

    /// <summary>Ends the connection when so many more bytes have gone this way, which all arrive; 0: when the next one is to go.</summary>
    public void CutAfter(WireDirection direction, long bytes) => _cut = new ByteCut(direction, bytes);

    /// <summary>
    /// Ends the connection at a byte of a message of PostgreSQL's protocol, both counted from 0 and from now on. To be asked for while
    /// nothing is under way on the one connection there is.
    /// </summary>
    public MessageCut CutAt(WireDirection direction, int message, int @byte)
    {
        var cut = new MessageCut(direction, message, @byte);
        _cut = cut;
        return cut;
    }

    /// <summary>From now on notes all that passes.</summary>
    public WireRecording Record() => _recording = new WireRecording();

    /// <summary>From now on nothing passes, and no connection ends: as behind a firewall that has forgotten them.</summary>
    public void Silence() => _silence = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends the silence: what was held passes now.</summary>
    public void Speak()
    {
        var silence = _silence;
        _silence = null;
        silence?.TrySetResult();
    }

    /// <summary>Ends all connections; new ones are taken.</summary>
    public void Cut()
    {
        Close();
        Open();
    }

    private bool CutsBefore { get; set; }

    /// <summary>Ends all connections, and from now on each new one at once.</summary>
    public void Close()
    {
        _closed = true;
        foreach (var socket in _open.Keys)
        {
            socket.Dispose();
        }
    }

    /// <summary>Takes connections again.</summary>
    public void Open() => _closed = false;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Speak();
        Close();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var relays = new List<Task>();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptSocketAsync(_stop.Token);
                relays.Add(RelayAsync(client));
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                break;
            }
        }

        await Task.WhenAll(relays);
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            _open[client] = 0;
            _open[server] = 0;
            try
            {
                if (!_closed)
                {
                    await SpeaksAsync();
                    await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                    var cut = new StrongBox();
                    await Task.WhenAny(ToServerAsync(client, server, cut), ToClientAsync(server, client, cut));
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // The server is away, or the wire was cut while it was silent: so is the client's connection.
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The test is over.
            }
            finally
            {
                _open.TryRemove(client, out _);
                _open.TryRemove(server, out _);
            }
        }
    }

    private async Task ToServerAsync(Socket client, Socket server, StrongBox cut)
    {
        var buffer = new byte[64 * 1024];
        while (await ReceiveAsync(client, buffer) is var read and > 0)
        {
            if (_cutAfter is { } statement && buffer.AsSpan(0, read).IndexOf(statement) >= 0)
            {
                _cutAfter = null;
                Interlocked.Increment(ref _cuts);
                if (CutsBefore)
                {
                    return;
                }

                cut.Value = true;
            }

            if (!await PassAsync(server, buffer.AsMemory(0, read), WireDirection.ToServer, cut))
            {
                return;
            }
        }
    }

    private async Task ToClientAsync(Socket server, Socket client, StrongBox cut)
    {
        var buffer = new byte[64 * 1024];
        while (await ReceiveAsync(server, buffer) is var read and > 0)
        {
            if (cut.Value || !await PassAsync(client, buffer.AsMemory(0, read), WireDirection.ToClient, cut))
            {
                return;
            }
        }
    }

    private Task SpeaksAsync() => _silence?.Task ?? Task.CompletedTask;

    /// <returns>Whether the connection goes on.</returns>
    private async Task<bool> PassAsync(Socket to, ReadOnlyMemory<byte> bytes, WireDirection direction, StrongBox ended)
    {
        await SpeaksAsync();
        _recording?.Note(direction, bytes.Span);
        if (_cut is not { } cut || !cut.Reached(direction, bytes.Span, out var passing))
        {
            return await SendAsync(to, bytes);
        }

        // Before anything is sent that the server could answer.
        ended.Value = true;
        await SendAsync(to, bytes[..passing]);
        if (Interlocked.CompareExchange(ref _cut, null, cut) == cut)
        {
            Interlocked.Increment(ref _cuts);
        }

        return false;
    }

    private static async Task<int> ReceiveAsync(Socket socket, byte[] buffer)
    {
        try
        {
            return await socket.ReceiveAsync(buffer);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }

    private static async Task<bool> SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await socket.SendAsync(bytes);
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private sealed class StrongBox
    {
        public volatile bool Value;
    }
}
