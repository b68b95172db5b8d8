using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Amqp;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.LocalHub;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub;

public sealed class TokenTests
{
    private const string Key = "a2V5IG9mIHRoZSB0ZXN0cw==";

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_hub_with_a_key_lets_in_who_has_put_a_token_signed_with_it()
    {
        await using var hub = await StartAsync();
        await using var client = await AmqpClient.ConnectAsync(hub);

        var refusal = await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0"));
        var status = await client.PutTokenAsync(Token("sb://localhost/telemetry", Key, TimeSpan.FromHours(1)));
        await client.OpenReaderAsync("0");
        await client.OpenSenderAsync("telemetry");

        Assert.Equal(ErrorCode.UnauthorizedAccess, refusal.Error.Condition);
        Assert.Equal(202, status);
    }

    [Theory]
    [InlineData("sb://localhost/telemetry", "another key", 60)]
    [InlineData("sb://localhost/telemetry", Key, -1)]
    public async Task A_token_with_another_signature_or_past_its_time_is_refused(string audience, string key, int minutes)
    {
        await using var hub = await StartAsync();
        await using var client = await AmqpClient.ConnectAsync(hub);

        var status = await client.PutTokenAsync(Token(audience, key, TimeSpan.FromMinutes(minutes)));

        Assert.Equal(401, status);
        await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0"));
    }

    [Fact]
    public async Task A_token_is_good_for_its_audience_and_what_lies_below_it_only()
    {
        await using var hub = await StartAsync();
        await using var client = await AmqpClient.ConnectAsync(hub);

        await client.PutTokenAsync(Token("sb://localhost/telemetry/ConsumerGroups/$Default/Partitions/1", Key, TimeSpan.FromHours(1)));
        await client.OpenReaderAsync("1");

        await Assert.ThrowsAsync<AmqpException>(() => client.OpenReaderAsync("0"));
        await Assert.ThrowsAsync<AmqpException>(() => client.OpenSenderAsync("telemetry"));
    }

    [Fact]
    public async Task A_link_ends_with_its_token_unless_that_is_renewed()
    {
        await using var hub = await StartAsync();
        await using var renewing = await AmqpClient.ConnectAsync(hub);
        await using var careless = await AmqpClient.ConnectAsync(hub);
        await renewing.PutTokenAsync(Token("sb://localhost/telemetry", Key, TimeSpan.FromMinutes(10)));
        await careless.PutTokenAsync(Token("sb://localhost/telemetry", Key, TimeSpan.FromMinutes(10)));
        var kept = await renewing.OpenReaderAsync("0");
        var ended = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        (await careless.OpenReaderAsync("0")).AddClosedCallback((_, error) => ended.TrySetResult(error?.Condition));

        _clock.Advance(TimeSpan.FromMinutes(9));
        await renewing.PutTokenAsync(Token("sb://localhost/telemetry", Key, TimeSpan.FromMinutes(10)));
        _clock.Advance(TimeSpan.FromMinutes(2));

        Assert.Equal(ErrorCode.UnauthorizedAccess, await ended.Task.WaitAsync(AmqpClient.Patience, Cancelled));
        HubEvents.Append(hub, "0", 1);
        Assert.Single(await AmqpClient.TakeAsync(kept, 1));
    }

    [Fact]
    public async Task A_token_good_for_a_year_is_taken_and_the_connection_lives_on()
    {
        await using var hub = await StartAsync(TimeProvider.System);
        await using var client = await AmqpClient.ConnectAsync(hub);

        var status = await client.PutTokenAsync(Token("sb://localhost/telemetry", Key, TimeSpan.FromDays(365), TimeProvider.System));
        await client.OpenReaderAsync("0");

        Assert.Equal(202, status);
    }

    private Task<LocalEventHub> StartAsync(TimeProvider? clock = null) => LocalEventHub.StartAsync(
        new LocalHubSettings { Port = 0, SharedAccessKeyName = "reader", SharedAccessKey = Key, Clock = clock ?? _clock }, Cancelled);

    private string Token(string audience, string key, TimeSpan lifetime, TimeProvider? clock = null)
    {
        var resource = Uri.EscapeDataString(audience);
        var expiry = ((clock ?? _clock).GetUtcNow() + lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{resource}\n{expiry}"));
        return $"SharedAccessSignature sr={resource}&sig={Uri.EscapeDataString(Convert.ToBase64String(signature))}&se={expiry}&skn=reader";
    }
}
