using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Npgsql;

namespace Ingest.Failures;

/// <summary>TLS prevented the connection. This is not an outage: waiting does not help, and the database may be running.</summary>
internal static class TlsFailure
{
    private const string Setting = "Database:ConnectionString";

    /// <summary>What happened and what to set.</summary>
    /// <param name="exception">What a connection threw.</param>
    /// <param name="server">What the server is called.</param>
    /// <returns>Null where it has nothing to do with TLS.</returns>
    public static string? Explain(Exception exception, string server) => exception switch
    {
        // Npgsql's own words, in English everywhere.
        NpgsqlException when exception.Message.StartsWith("SSL connection requested", StringComparison.Ordinal) =>
            $"{server} cannot do TLS, and SSL Mode in {Setting} insists on it. Switch ssl on at the server; SSL Mode=Disable does without "
                + "it, where nobody can listen in between.",
        PostgresException { SqlState: PostgresErrorCodes.InvalidAuthorizationSpecification } refused when InsistsOnTls(refused) =>
            $"{server} takes this login over TLS alone ({refused.SqlState}: {refused.MessageText.TrimEnd('.')}). Set SSL Mode=Require in "
                + $"{Setting}, or VerifyFull with Root Certificate.",
        // A connection that broke during the handshake is an ordinary outage.
        AuthenticationException when Innermost(exception) is not (IOException or SocketException) =>
            $"The TLS handshake with {server} failed: {Innermost(exception).Message.TrimEnd('.')}. Look at SSL Mode, Root Certificate and "
                + $"SSL Certificate in {Setting}, and at the server's log.",
        FileNotFoundException { FileName: { } file } => Unreadable(server, file, "there is no such file"),
        DirectoryNotFoundException => Unreadable(server, "the file named for it", exception.Message.TrimEnd('.')),
        CryptographicException => Unreadable(server, "the file named for it", exception.Message.TrimEnd('.')),
        { InnerException: { } inner } => Explain(inner, server),
        _ => null,
    };

    /// <summary>A file of a certificate or key that is not there.</summary>
    public static string Unreadable(string server, string file, string why) =>
        $"The TLS connection to {server} needs {file}, and {why}: correct Root Certificate, SSL Certificate or SSL Key in {Setting}.";

    // What pg_hba.conf has no line for, from PostgreSQL 14 on and before; and what Azure's older servers say.
    private static bool InsistsOnTls(PostgresException refused) =>
        refused.MessageText.Contains("no encryption", StringComparison.Ordinal)
        || refused.MessageText.Contains("SSL off", StringComparison.Ordinal)
        || refused.MessageText.Contains("SSL connection is required", StringComparison.OrdinalIgnoreCase);

    private static Exception Innermost(Exception exception) =>
        exception.InnerException is { } inner ? Innermost(inner) : exception;
}
