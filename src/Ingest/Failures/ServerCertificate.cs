using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Npgsql;

namespace Ingest.Failures;

/// <summary>
/// What is wrong with a server's certificate. Npgsql says no more than that it was not accepted, so the handshake is done again, on a
/// connection that carries nothing else.
/// </summary>
internal static class ServerCertificate
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly byte[] TlsRequest = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

    /// <returns>What is wrong and what to set; null where that cannot be told.</returns>
    public static async Task<string?> ExamineAsync(NpgsqlConnectionStringBuilder settings, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        string? found = null;
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(settings.Host!, settings.Port, either.Token);
            await using var stream = client.GetStream();
            if (settings.SslNegotiation != SslNegotiation.Direct)
            {
                await stream.WriteAsync(TlsRequest, either.Token);
                await stream.ReadExactlyAsync(new byte[1], either.Token);
            }

            await using var tls = new SslStream(stream);
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = settings.Host,
                    ApplicationProtocols = [new SslApplicationProtocol("postgresql")],
                    CertificateChainPolicy = PolicyOf(settings),
                    RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                    {
                        found = certificate is X509Certificate2 shown ? Describe(settings, shown, chain, errors) : null;
                        return false;
                    },
                },
                either.Token);
        }
        catch (Exception exception) when (
            exception is AuthenticationException or IOException or SocketException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The callback refused it, as intended, or the server is gone: report what was found.
        }

        return found;
    }

    private static X509ChainPolicy PolicyOf(NpgsqlConnectionStringBuilder settings)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (settings.RootCertificate is { } file && File.Exists(file) && !file.EndsWith(".pfx", StringComparison.OrdinalIgnoreCase))
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.ImportFromPemFile(file);
        }

        return policy;
    }

    private static string? Describe(
        NpgsqlConnectionStringBuilder settings, X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        var server = $"{settings.Host}:{settings.Port}";
        List<string> found = [];
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) && settings.SslMode == SslMode.VerifyFull)
        {
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(
                extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())));
            found.Add(
                $"The certificate of {server} is not for {settings.Host}, but for "
                    + $"{string.Join(", ", names.DefaultIfEmpty(certificate.Subject))}: name the server as its certificate does in Host of "
                    + "Database:ConnectionString, or accept any name with SSL Mode=VerifyCA.");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            var status = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status);
            found.Add(
                status?.HasFlag(X509ChainStatusFlags.NotTimeValid) == true
                    ? $"The certificate of {server} is valid from {certificate.NotBefore.ToUniversalTime():u} to "
                        + $"{certificate.NotAfter.ToUniversalTime():u}: renew it, or look at this machine's clock."
                    : $"The certificate of {server} comes from {certificate.Issuer}, an authority that is unknown here ({status}): name "
                        + "the file of its certificate with Root Certificate in Database:ConnectionString.");
        }

        return found.Count == 0 ? null : string.Join(" ", found);
    }
}
