using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class SasTokenTests
{
    // The signature: printf '%s\n%s' 'sb%3A%2F%2Fhub.servicebus.windows.net%2Ftelemetry' 1767225600 | openssl dgst -sha256 -hmac "$KEY" -binary | base64
    private const string Key = "c2VjcmV0LWtleS1vZi10aGUtdGVzdA==";
    private const string Expected =
        "SharedAccessSignature sr=sb%3A%2F%2Fhub.servicebus.windows.net%2Ftelemetry&sig=h6auLxRUKYJ7VyC2k6JsQVzIY4g85vyNZlq5UusoO34%3D&se=1767225600&skn=reader%20one";

    [Fact]
    public void A_token_is_signed_as_openssl_signs_it()
    {
        var token = SasToken.Sign(
            "sb://hub.servicebus.windows.net/telemetry", "reader one", Key, DateTimeOffset.FromUnixTimeMilliseconds(1767225600_999));

        Assert.Equal(Expected, token.Text);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1767225600), token.ExpiresAt);
    }

    [Fact]
    public void A_given_signature_tells_when_it_ends() =>
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1767225600), SasToken.Read(Expected).ExpiresAt);

    [Fact]
    public void A_given_signature_without_an_expiry_is_refused()
    {
        var refused = Assert.Throws<FormatException>(() => SasToken.Read("SharedAccessSignature sr=sb%3A%2F%2Fhub&sig=abc&skn=reader"));

        Assert.Contains("se=", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("abc", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_never_shows_itself_as_text() =>
        Assert.DoesNotContain("sig=", SasToken.Read(Expected).ToString(), StringComparison.Ordinal);
}
