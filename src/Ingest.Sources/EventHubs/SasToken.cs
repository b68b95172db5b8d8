using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ingest.Sources.EventHubs;

/// <summary>A shared access signature and when it stops being valid.</summary>
/// <param name="Text">What <c>$cbs</c> is given.</param>
/// <param name="ExpiresAt">The end of its validity, UTC, in whole seconds.</param>
internal sealed record SasToken(string Text, DateTimeOffset ExpiresAt)
{
    /// <summary>Signs a token.</summary>
    /// <param name="audience">What it opens: <c>sb://host/hub</c>.</param>
    /// <param name="keyName">The shared access policy.</param>
    /// <param name="key">Its key.</param>
    /// <param name="expiresAt">The end of its validity; fractions of a second are dropped.</param>
    public static SasToken Sign(string audience, string keyName, string key, DateTimeOffset expiresAt)
    {
        var seconds = expiresAt.ToUnixTimeSeconds();
        var resource = Uri.EscapeDataString(audience);
        var signed = string.Create(CultureInfo.InvariantCulture, $"{resource}\n{seconds}");
        var signature = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(signed)));
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"SharedAccessSignature sr={resource}&sig={Uri.EscapeDataString(signature)}&se={seconds}&skn={Uri.EscapeDataString(keyName)}");
        return new SasToken(text, DateTimeOffset.FromUnixTimeSeconds(seconds));
    }

    /// <summary>Takes a token that somebody else signed.</summary>
    /// <exception cref="FormatException">It names no expiry.</exception>
    public static SasToken Read(string text)
    {
        const string Scheme = "SharedAccessSignature ";
        var start = text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? Scheme.Length : 0;
        foreach (var field in text[start..].Split('&'))
        {
            if (field.StartsWith("se=", StringComparison.Ordinal)
                && long.TryParse(field.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            {
                return new SasToken(text, DateTimeOffset.FromUnixTimeSeconds(seconds));
            }
        }

        throw new FormatException("The SharedAccessSignature in the hub's connection string has no expiry (se=…): it was not copied whole.");
    }

    /// <summary>Not the text: it opens the hub.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"SasToken until {ExpiresAt:u}");
}
