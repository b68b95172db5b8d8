using System.Net;
using System.Net.Sockets;

namespace Ingest.TestSupport.Network;

/// <summary>An address that takes connections and never answers, or says one thing and nothing more.</summary>
public sealed class SilentEndpoint : IDisposable
{
    /// <summary>How PostgreSQL asks for a password.</summary>
    public static byte[] AsksForPassword => [(byte)'R', 0, 0, 0, 8, 0, 0, 0, 3];

    private readonly byte[] _says;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _taken = [];
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SilentEndpoint(byte[]? says = null)
    {
        _says = says ?? [];
        _listener.Start();
        _ = TakeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Address => $"http://127.0.0.1:{Port}/token";

    /// <summary>Ends when somebody has connected.</summary>
    public Task Asked => _asked.Task;

    public void Dispose()
    {
        _listener.Dispose();
        _taken.ForEach(socket => socket.Dispose());
    }

    private async Task TakeAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync();
                _taken.Add(socket);
                await socket.SendAsync(_says);
                _asked.TrySetResult();
            }
        }
        catch (SocketException)
        {
            // Disposed.
        }
    }
}
