using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Messaging.EventHubs;
using Microsoft.Azure.Amqp;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// What opens the hub to links that are opened beside the client library: a signature by key, a ready one, or an Entra identity's token.
/// </summary>
internal sealed class HubToken : ICbsTokenProvider
{
    private const string Scope = "https://eventhubs.azure.net/.default";
    private const string Signed = "servicebus.windows.net:sastoken";
    private const string Identity = "jwt";

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly TimeProvider _time;
    private readonly EventHubsConnectionStringProperties? _secret;
    private readonly TokenCredential? _credential;

    /// <param name="connection">What the client library makes of the connection string.</param>
    /// <param name="time">Dates the signatures.</param>
    public HubToken(EventHubsConnectionStringProperties connection, TimeProvider time)
    {
        _secret = connection;
        _time = time;
    }

    /// <param name="credential">The identity.</param>
    /// <param name="time">Dates the signatures.</param>
    public HubToken(TokenCredential credential, TimeProvider time)
    {
        _credential = credential;
        _time = time;
    }

    /// <summary>Whether it is a signature that somebody else made: it wears off and cannot be renewed.</summary>
    public bool IsFixed => _secret?.SharedAccessSignature is not null;

    /// <inheritdoc/>
    public async Task<CbsToken> GetTokenAsync(Uri namespaceAddress, string appliesTo, string[] requiredClaims)
    {
        if (_credential is not null)
        {
            var token = await _credential.GetTokenAsync(new TokenRequestContext([Scope]), CancellationToken.None);
            return new CbsToken(token.Token, Identity, token.ExpiresOn.UtcDateTime);
        }

        if (_secret!.SharedAccessSignature is { } signature)
        {
            return new CbsToken(signature, Signed, ExpiryOf(signature).UtcDateTime);
        }

        var expiry = _time.GetUtcNow() + Lifetime;
        return new CbsToken(Sign(appliesTo, expiry.ToUnixTimeSeconds()), Signed, expiry.UtcDateTime);
    }

    private string Sign(string resource, long expiry)
    {
        var escaped = Uri.EscapeDataString(resource);
        var until = expiry.ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(
            Encoding.UTF8.GetBytes(_secret!.SharedAccessKey), Encoding.UTF8.GetBytes($"{escaped}\n{until}"));
        return $"SharedAccessSignature sr={escaped}&sig={Uri.EscapeDataString(Convert.ToBase64String(signature))}"
            + $"&se={until}&skn={Uri.EscapeDataString(_secret.SharedAccessKeyName)}";
    }

    // Only told to the hub, which reads it from the signature itself.
    private DateTimeOffset ExpiryOf(string signature)
    {
        var seconds = signature.Split('&').FirstOrDefault(part => part.StartsWith("se=", StringComparison.Ordinal))?[3..];
        return long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var expiry)
            && expiry < DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(expiry)
            : _time.GetUtcNow() + Lifetime;
    }
}
