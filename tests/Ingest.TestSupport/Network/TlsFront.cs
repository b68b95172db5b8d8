using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ingest.TestSupport.Network;

/// <summary>
/// TLS in front of a PostgreSQL server that has none, on a port of its own, with a certificate for <c>localhost</c> from an authority made
/// for it.
/// </summary>
public sealed class TlsFront : IAsyncDisposable
{
    // Asks for GSSAPI's encryption; the other request of that length asks for TLS.
    private const byte LastOfGssRequest = 0x30;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly X509Certificate2 _certificate;
    private readonly int _server;
    private Task _accepting = Task.CompletedTask;

    private TlsFront(int server)
    {
        _server = server;
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        var authority = new CertificateRequest("CN=Authority of the tests", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = authority.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        AuthorityFile = Path.GetTempFileName();
        File.WriteAllText(AuthorityFile, root.ExportCertificatePem());

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(root, now.AddDays(-1), now.AddDays(1), [1]);
        _certificate = signed.CopyWithPrivateKey(key);
        _listener.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The authority's certificate, as a PEM file.</summary>
    public string AuthorityFile { get; }

    public static TlsFront Start(int server)
    {
        var front = new TlsFront(server);
        front._accepting = front.AcceptAsync();
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Stop();
        await _accepting;
        _certificate.Dispose();
        _ended.Dispose();
        File.Delete(AuthorityFile);
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_ended.Token)));
            }
        }
        catch (Exception exception)
            when (_ended.IsCancellationRequested && exception is OperationCanceledException or SocketException)
        {
            // Disposed.
        }

        await Task.WhenAll(connections);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await using var plain = client.GetStream();
                var request = new byte[8];
                do
                {
                    await plain.ReadExactlyAsync(request, _ended.Token);
                    await plain.WriteAsync((request[7] == LastOfGssRequest ? "N"u8 : "S"u8).ToArray(), _ended.Token);
                }
                while (request[7] == LastOfGssRequest);

                await using var tls = new SslStream(plain);
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _ended.Token);
                using var server = new TcpClient();
                await server.ConnectAsync(IPAddress.Loopback, _server, _ended.Token);
                await using var inner = server.GetStream();
                await Task.WhenAny(tls.CopyToAsync(inner, _ended.Token), inner.CopyToAsync(tls, _ended.Token));
            }
            catch (Exception exception)
                when (exception is IOException or SocketException or AuthenticationException or OperationCanceledException)
            {
                // The client went away, refused the certificate, or the front was disposed.
            }
        }
    }
}
