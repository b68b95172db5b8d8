using System.Net;
using System.Net.Sockets;

namespace Ingest.TestSupport.Network;

/// <summary>A connection to a port on loopback, over which one input is sent as it is.</summary>
public static class RawConnection
{
    private const int MostKept = 64 * 1024;

    /// <summary>Sends the bytes and no more, and reads until the server ends the connection.</summary>
    /// <param name="port">Where to.</param>
    /// <param name="input">What to send.</param>
    /// <param name="patience">How long the server may say nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What the server said, the first 64 KiB of it; null where it did not end the connection.</returns>
    public static async Task<byte[]?> SendAsync(int port, ReadOnlyMemory<byte> input, TimeSpan patience, CancellationToken cancellationToken)
    {
        // Closed without a time of waiting at the end, which would run the machine out of ports.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(enable: true, 0) };
        var said = new List<byte>();
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            while (input.Length > 0)
            {
                input = input[await socket.SendAsync(input, cancellationToken)..];
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException exception) when (IsCutOff(exception))
        {
            // Before all of it was sent; what the server has said can still be read.
        }

        var buffer = new byte[16 * 1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, cancellationToken).AsTask().WaitAsync(patience, TimeProvider.System, cancellationToken) is var count and > 0)
            {
                said.AddRange(buffer.AsSpan(0, Math.Min(count, MostKept - said.Count)));
            }
        }
        catch (SocketException exception) when (IsCutOff(exception))
        {
            // In the middle.
        }
        catch (TimeoutException)
        {
            return null;
        }

        return [.. said];
    }

    private static bool IsCutOff(SocketException exception) =>
        exception.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown or SocketError.NotConnected;
}
