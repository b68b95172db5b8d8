using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Ingest.TestSupport.Network;

/// <summary>PostgreSQL's protocol by hand, for what no driver would send: log in with SCRAM-SHA-256, or send any bytes.</summary>
public sealed class PostgresWire : IAsyncDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private PostgresWire()
    {
    }

    public static async Task<PostgresWire> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var wire = new PostgresWire();
        try
        {
            await wire._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            return wire;
        }
        catch
        {
            await wire.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects and logs in.</summary>
    /// <exception cref="InvalidOperationException">The server does not take the login; the message is its answer.</exception>
    public static async Task<PostgresWire> LogInAsync(int port, string user, string password, CancellationToken cancellationToken)
    {
        var wire = await ConnectAsync(port, cancellationToken);
        try
        {
            await wire.SendAsync(StartUp(("user", user), ("database", "postgres")), cancellationToken);
            await wire.ExpectAsync('R', cancellationToken);
            var clientFirst = $"n=,r={Convert.ToBase64String(RandomNumberGenerator.GetBytes(18))}";
            await wire.SendAsync(InitialResponse("SCRAM-SHA-256", Encoding.UTF8.GetBytes("n,," + clientFirst)), cancellationToken);
            var serverFirst = Encoding.UTF8.GetString((await wire.ExpectAsync('R', cancellationToken)).AsSpan(4));
            await wire.SendAsync(Message('p', Encoding.UTF8.GetBytes(Final(clientFirst, serverFirst, password))), cancellationToken);
            while ((await wire.ReadAsync(cancellationToken)) is var (type, body) && type != 'Z')
            {
                if (type == 'E')
                {
                    throw new InvalidOperationException(Encoding.UTF8.GetString(body));
                }
            }

            return wire;
        }
        catch
        {
            await wire.DisposeAsync();
            throw;
        }
    }

    public static byte[] StartUp(params (string Name, string Value)[] parameters)
    {
        var body = new List<byte>([0, 3, 0, 0]);
        foreach (var (name, value) in parameters)
        {
            body.AddRange([.. Encoding.UTF8.GetBytes(name), 0, .. Encoding.UTF8.GetBytes(value), 0]);
        }

        body.Add(0);
        return [.. Length(body.Count + 4), .. body];
    }

    public static byte[] InitialResponse(string mechanism, byte[] data) =>
        Message('p', [.. Encoding.UTF8.GetBytes(mechanism), 0, .. Length(data.Length), .. data]);

    public static byte[] Message(char type, params byte[] body) => [(byte)type, .. Length(body.Length + 4), .. body];

    public static byte[] Query(string sql) => Message('Q', [.. Encoding.UTF8.GetBytes(sql), 0]);

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await _socket.SendAsync(bytes, cancellationToken)..];
        }
    }

    /// <summary>Sends as many of these bytes as are taken at once, which may be none.</summary>
    /// <returns>How many.</returns>
    public int SendAtOnce(ReadOnlySpan<byte> bytes)
    {
        _socket.Blocking = false;
        var sent = _socket.Send(bytes, SocketFlags.None, out var error);
        return error switch
        {
            SocketError.Success => sent,
            SocketError.WouldBlock => 0,
            _ => throw new SocketException((int)error),
        };
    }

    /// <summary>The next message.</summary>
    /// <exception cref="EndOfStreamException">The server has closed.</exception>
    public async Task<(char Type, byte[] Body)> ReadAsync(CancellationToken cancellationToken)
    {
        var header = await ExactlyAsync(5, cancellationToken);
        return ((char)header[0], await ExactlyAsync(BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(1)) - 4, cancellationToken));
    }

    /// <summary>Sends these bytes and no more. Returns all that the server says until it closes.</summary>
    public async Task<byte[]> SendAndFinishAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        try
        {
            await SendAsync(bytes, cancellationToken);
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown or SocketError.NotConnected)
        {
            // Closed before all of it was sent.
        }

        return await ToTheEndAsync(cancellationToken);
    }

    /// <summary>All that the server says until it closes.</summary>
    public async Task<byte[]> ToTheEndAsync(CancellationToken cancellationToken)
    {
        var said = new List<byte>();
        var buffer = new byte[4_096];
        try
        {
            while (await _socket.ReceiveAsync(buffer, cancellationToken) is var count and > 0)
            {
                said.AddRange(buffer.AsSpan(0, count));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
            // Closed with bytes of ours unread.
        }

        return [.. said];
    }

    /// <summary>Closes without a trace: a million connections would otherwise use up the ports.</summary>
    public ValueTask DisposeAsync()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Final(string clientFirst, string serverFirst, string password)
    {
        var fields = serverFirst.Split(',').ToDictionary(field => field[0], field => field[2..]);
        var salted = Rfc2898DeriveBytes.Pbkdf2(password, Convert.FromBase64String(fields['s']), int.Parse(fields['i'], null), HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var withoutProof = $"c=biws,r={fields['r']}";
        var signature = HMACSHA256.HashData(SHA256.HashData(clientKey), Encoding.UTF8.GetBytes($"{clientFirst},{serverFirst},{withoutProof}"));
        return $"{withoutProof},p={Convert.ToBase64String([.. clientKey.Zip(signature, (a, b) => (byte)(a ^ b))])}";
    }

    private static byte[] Length(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private async Task<byte[]> ExpectAsync(char type, CancellationToken cancellationToken)
    {
        var (got, body) = await ReadAsync(cancellationToken);
        return got == type ? body : throw new InvalidOperationException($"{got}: {Encoding.UTF8.GetString(body)}");
    }

    private async Task<byte[]> ExactlyAsync(int count, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        for (var done = 0; done < count;)
        {
            var got = await _socket.ReceiveAsync(bytes.AsMemory(done), cancellationToken);
            done += got > 0 ? got : throw new EndOfStreamException();
        }

        return bytes;
    }
}
