using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Amqp;

namespace Ingest.Sources.EventHubs;

/// <summary>A socket, encrypted or not, as AMQP.Net Lite wants it; unlike the library's own, every step of connecting can be cancelled.</summary>
internal sealed class StreamTransport(Stream stream) : IAsyncTransport
{
    /// <summary>Connects, and encrypts where the endpoint asks for it: against <paramref name="trustedRoots"/>, or the machine's where null.</summary>
    public static async Task<StreamTransport> ConnectAsync(
        HubConnectionString target, X509Certificate2Collection? trustedRoots, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(target.Host, target.Port, cancellationToken);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (target.UseTls)
            {
                var encrypted = new SslStream(stream);
                stream = encrypted;
                await encrypted.AuthenticateAsClientAsync(TlsOptions(target.Host, trustedRoots), cancellationToken);
            }

            return new StreamTransport(stream);
        }
        catch
        {
            stream?.Dispose();
            socket.Dispose();
            throw;
        }
    }

    public void SetConnection(Connection connection)
    {
    }

    public async Task SendAsync(IList<ByteBuffer> bufferList, int listSize)
    {
        if (bufferList.Count == 1)
        {
            var only = bufferList[0];
            await stream.WriteAsync(only.Buffer.AsMemory(only.Offset, only.Length));
            return;
        }

        var joined = ArrayPool<byte>.Shared.Rent(listSize);
        try
        {
            var length = 0;
            foreach (var buffer in bufferList)
            {
                Buffer.BlockCopy(buffer.Buffer, buffer.Offset, joined, length, buffer.Length);
                length += buffer.Length;
            }

            await stream.WriteAsync(joined.AsMemory(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    public Task<int> ReceiveAsync(byte[] buffer, int offset, int count) => stream.ReadAsync(buffer, offset, count);

    public void Send(ByteBuffer buffer) => stream.Write(buffer.Buffer, buffer.Offset, buffer.Length);

    public int Receive(byte[] buffer, int offset, int count) => stream.Read(buffer, offset, count);

    public void Close() => stream.Dispose();

    private static SslClientAuthenticationOptions TlsOptions(string host, X509Certificate2Collection? trustedRoots)
    {
        var options = new SslClientAuthenticationOptions { TargetHost = host };
        if (trustedRoots is not null)
        {
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(trustedRoots);
        }

        return options;
    }
}
