using System.Net.Sockets;
using Azure;
using Azure.Identity;
using Microsoft.Identity.Client;

namespace Ingest.Sources.EventHubs;

/// <summary>Why Microsoft Entra gave no token, and whether waiting mends it.</summary>
internal static class EntraLogin
{
    private const string ManagedIdentity = nameof(ManagedIdentityCredential);

    /// <summary>
    /// Whether waiting may mend it: an endpoint that is silent, busy or broken. It does not give an identity to a process that has none,
    /// nor mend one that is refused (tenant, client, secret, certificate, federation).
    /// </summary>
    public static bool MayPass(AuthenticationFailedException failure) =>
        failure is not CredentialUnavailableException && MayPass(failure.InnerException);

    /// <summary>What happened and what to do, in one line.</summary>
    /// <param name="failure">What the credential threw.</param>
    /// <param name="wanted">What the token is for.</param>
    /// <param name="identity">Who asked for it.</param>
    public static string Sentence(AuthenticationFailedException failure, string wanted, string identity = "this process")
    {
        var said = Said(failure);
        return MayPass(failure)
            ? $"Microsoft Entra gives {identity} no token for {wanted} now: {said}."
            : $"Microsoft Entra gives {identity} no token for {wanted}: {said}. Assign an identity to this process (managed, workload, or "
                + "AZURE_TENANT_ID, AZURE_CLIENT_ID and its secret or certificate), correct the one it has, or log in without one, by a "
                + "connection string alone.";
    }

    /// <summary>That no answer came, and what to do, in one line.</summary>
    public static string Late(TimeSpan patience, string wanted, string identity) =>
        $"Microsoft Entra gives {identity} no token for {wanted} within {patience.TotalSeconds:0} s. It is asked for again; where that "
            + "does not help, check that the identity is assigned to this process and that its endpoint can be reached.";

    // Entra's own sentence, where it has one. A chain of credentials gives the reason of each on a line of its own: the managed identity's
    // is what an operator needs, and elsewhere the first line says enough.
    private static string Said(AuthenticationFailedException failure)
    {
        var cause = failure is CredentialUnavailableException ? failure : failure.InnerException ?? failure;
        var managed = cause.Message.IndexOf(ManagedIdentity, StringComparison.Ordinal);
        var text = managed > 0 ? Line(cause.Message[managed..]) : HubException.Said(cause);
        return text.IndexOf("AADSTS", StringComparison.Ordinal) is > 0 and var at ? text[at..] : text;
    }

    private static string Line(string text) => text.Split('\n')[0].Trim().TrimEnd('.');

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
