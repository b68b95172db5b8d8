using Azure.Core;
using Azure.Identity;
using Ingest.Failures;
using Ingest.Sources.EventHubs;

namespace Ingest.Sources.Identity;

/// <summary>A Microsoft Entra token in the place of the database's password.</summary>
public static class DatabaseToken
{
    // https://learn.microsoft.com/azure/postgresql/flexible-server/security-entra-configure
    internal static readonly string[] Scopes = ["https://ossrdbms-aad.database.windows.net/.default"];

    /// <summary>Gives the current token of an identity.</summary>
    /// <exception cref="TokenUnavailableException">Thrown by what is returned: there is none now; waiting may mend it.</exception>
    /// <exception cref="OperatorMistakeException">Thrown by what is returned: the identity has to be put right.</exception>
    public static Func<CancellationToken, ValueTask<string>> Of(EntraCredential identity) => async cancellationToken =>
    {
        try
        {
            return (await identity.GetTokenAsync(new TokenRequestContext(Scopes), cancellationToken)).Token;
        }
        catch (AuthenticationFailedException failure)
        {
            throw EntraLogin.MayPass(failure)
                ? new TokenUnavailableException(failure.Message, failure)
                : new OperatorMistakeException(failure.Message, failure);
        }
    };
}
