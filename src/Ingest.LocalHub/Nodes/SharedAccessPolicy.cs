using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ingest.LocalHub.Nodes;

/// <summary>Checks shared access signatures against one key.</summary>
internal sealed class SharedAccessPolicy(string keyName, string key)
{
    private const string Scheme = "SharedAccessSignature ";

    /// <param name="token">The token as it was put.</param>
    /// <param name="now">The time to check the expiry with.</param>
    /// <param name="audience">What the token is for, as it was signed, decoded.</param>
    /// <param name="expiry">Until when it is good.</param>
    /// <param name="refusal">Why it is not good; empty where it is.</param>
    public bool TryVerify(string? token, DateTimeOffset now, out string audience, out DateTimeOffset expiry, out string refusal)
    {
        audience = string.Empty;
        expiry = default;
        if (token is null || !token.StartsWith(Scheme, StringComparison.Ordinal))
        {
            refusal = "MalformedToken: the token is no shared access signature.";
            return false;
        }

        var fields =
            token[Scheme.Length..].Split('&').Select(f => f.Split('=', 2)).Where(f => f.Length == 2).ToDictionary(f => f[0], f => f[1]);
        if (!fields.TryGetValue("sr", out var resource) || !fields.TryGetValue("sig", out var signature)
            || !fields.TryGetValue("se", out var expires) || !fields.TryGetValue("skn", out var name)
            || !long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            refusal = "MalformedToken: the token lacks one of sr, sig, se and skn.";
            return false;
        }

        audience = Uri.UnescapeDataString(resource);
        expiry = DateTimeOffset.FromUnixTimeSeconds(seconds);
        var expected = HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(resource + "\n" + expires));
        if (Uri.UnescapeDataString(name) != keyName || !Matches(Uri.UnescapeDataString(signature), expected))
        {
            refusal = "InvalidSignature: the token has an invalid signature.";
            return false;
        }

        refusal = expiry > now ? string.Empty : "ExpiredToken: the token is expired.";
        return refusal.Length == 0;
    }

    private static bool Matches(string signature, byte[] expected)
    {
        Span<byte> actual = stackalloc byte[64];
        return Convert.TryFromBase64String(signature, actual, out var length)
            && CryptographicOperations.FixedTimeEquals(actual[..length], expected);
    }
}
