using System.Net.Sockets;
using System.Security.Authentication;
using Npgsql;

namespace Ingest.Failures;

/// <summary>Why no connection came about, by the name of the server that was tried.</summary>
public static class ConnectionFailure
{
    /// <summary>Whether it is told by the server's name: TLS, or a host that nobody knows.</summary>
    public static bool IsNamed(Exception exception) => IsUnknownHost(exception) || TlsFailure.Explain(exception, "") is not null;

    /// <summary>Sorts what opening a connection threw.</summary>
    /// <param name="dataSource">What was to be connected to.</param>
    /// <param name="exception">What it threw.</param>
    /// <param name="cancellationToken">Ends the look at the server's certificate.</param>
    public static async Task<PostgresFailure> OfAsync(
        NpgsqlDataSource dataSource, Exception exception, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(exception);
        var failure = PostgresFailure.Of(exception);
        if (Within<TokenUnavailableException>(exception) is not null || Within<OperatorMistakeException>(exception) is not null)
        {
            // The identity's endpoint is another server, whose hosts and certificates are not the database's.
            return failure;
        }

        var settings = new NpgsqlConnectionStringBuilder(dataSource.ConnectionString);
        var isOneServer = settings.Host is { Length: > 0 } host && !host.Contains(',', StringComparison.Ordinal) && host[0] != '/';
        var server = isOneServer ? $"{settings.Host}:{settings.Port}" : settings.Host ?? "the server";
        if (IsUnknownHost(exception))
        {
            return failure with
            {
                Sentence = $"The host {settings.Host} is unknown here: correct Host in Database:ConnectionString, or look at this "
                    + "machine's DNS.",
            };
        }

        if (TlsFailure.Explain(exception, server) is not { } sentence)
        {
            return failure;
        }

        var certificate = isOneServer && Within<AuthenticationException>(exception) is not null
            ? await ServerCertificate.ExamineAsync(settings, cancellationToken)
            : null;
        return failure with { Sentence = certificate ?? sentence };
    }

    private static bool IsUnknownHost(Exception exception) =>
        Within<SocketException>(exception) is { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData };

    private static T? Within<T>(Exception? exception)
        where T : Exception => exception is null ? null : exception as T ?? Within<T>(exception.InnerException);
}
