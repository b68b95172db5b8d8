using System.Net.Sockets;
using Azure;
using Azure.Identity;
using Microsoft.Identity.Client;

namespace Ingest.Sources.EventHubs;

/// <summary>Why Microsoft Entra gave no token, and whether waiting mends it.</summary>
internal static class EntraLogin
{
    /// <summary>
    /// Whether waiting may mend it: an endpoint that is silent, busy or broken. It does not give an identity to a process that has none, nor mend
    /// one that is refused (tenant, client, secret, certificate, federation).
    /// </summary>
    public static bool MayPass(AuthenticationFailedException failure) => failure is not CredentialUnavailableException && MayPass(failure.InnerException);

    /// <summary>What happened and what to do.</summary>
    public static string Sentence(AuthenticationFailedException failure, string wanted)
    {
        var said = Said(failure);
        return MayPass(failure)
            ? $"Microsoft Entra gives no token for {wanted} now: {said}."
            : $"Microsoft Entra gives this process no token for {wanted}: {said}. Give it an identity (managed, workload, or AZURE_TENANT_ID, AZURE_CLIENT_ID and its secret or certificate), correct the one it has, or log in without one, by a connection string alone.";
    }

    // Entra's own sentence, where it has one.
    private static string Said(AuthenticationFailedException failure)
    {
        var text = HubException.Said(failure is CredentialUnavailableException ? failure : failure.InnerException ?? failure);
        return text.IndexOf("AADSTS", StringComparison.Ordinal) is > 0 and var at ? text[at..] : text;
    }

    private static bool MayPass(Exception? cause) => cause switch
    {
        null => false,
        MsalServiceException answer => MayPass(answer.StatusCode),
        RequestFailedException answer => MayPass(answer.Status),
        HttpRequestException or SocketException or IOException or TimeoutException or OperationCanceledException => true,
        _ => MayPass(cause.InnerException),
    };

    // 0: no answer at all.
    private static bool MayPass(int status) => status is 0 or 408 or 429 or >= 500;
}
