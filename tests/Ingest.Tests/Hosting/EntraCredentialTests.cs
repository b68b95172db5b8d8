using Azure.Core;
using Azure.Identity;
using Ingest.Failures;
using Ingest.Sources.Identity;
using Ingest.TestSupport;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.Hosting;

public sealed class EntraCredentialTests
{
    private const string ClientId = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    private static readonly TokenRequestContext Context = new(["https://plant.documents.azure.com/.default"]);

    private readonly FakeTimeProvider _clock = new();
    private readonly Scripted _credential = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private EntraCredential Identity => new(_credential, ClientId, _clock);

    [Fact]
    public async Task A_token_that_is_late_is_given_up_in_one_line_that_names_the_identity()
    {
        var waiting = Identity.GetTokenAsync(Context, Stop).AsTask();
        await _credential.Asked.WaitAsync(Stop);
        _clock.Advance(EntraCredential.Patience);

        var late = await Assert.ThrowsAsync<AuthenticationFailedException>(() => waiting);

        Assert.Contains(ClientId, late.Message, StringComparison.Ordinal);
        Assert.Contains("plant.documents.azure.com within 5 s", late.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', late.Message);
    }

    [Fact]
    public async Task Who_asks_while_a_token_is_late_is_told_at_once_and_who_asks_when_it_has_come_gets_it()
    {
        var identity = Identity;
        var waiting = identity.GetTokenAsync(Context, Stop).AsTask();
        await _credential.Asked.WaitAsync(Stop);
        _clock.Advance(EntraCredential.Patience);
        await Assert.ThrowsAsync<AuthenticationFailedException>(() => waiting);

        await Assert.ThrowsAsync<AuthenticationFailedException>(() => identity.GetTokenAsync(Context, Stop).AsTask());
        _credential.Answer.SetResult(new AccessToken("late", _clock.GetUtcNow().AddHours(1)));
        await Eventually.IsTrueAsync(async () => await TokenAsync(identity) == "late");

        Assert.Equal(1, _credential.Requests);
    }

    [Fact]
    public async Task The_callers_own_limit_is_obeyed_by_a_credential_that_obeys_none()
    {
        using var caller = new CancellationTokenSource();
        var waiting = Identity.GetTokenAsync(Context, caller.Token).AsTask();
        await _credential.Asked.WaitAsync(Stop);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_failure_is_remembered_for_some_seconds_and_names_what_the_managed_identity_said()
    {
        _credential.Answer.SetException(new CredentialUnavailableException(
            "DefaultAzureCredential failed to retrieve a token from the included credentials. See the troubleshooting guide.\n"
                + "- EnvironmentCredential authentication unavailable.\n- ManagedIdentityCredential: it is not assigned.\n- More"));
        var identity = Identity;

        for (var time = 0; time < 3; time++)
        {
            var refused = await Assert.ThrowsAsync<AuthenticationFailedException>(() => identity.GetTokenAsync(Context, Stop).AsTask());
            Assert.Contains(ClientId, refused.Message, StringComparison.Ordinal);
            Assert.Contains("ManagedIdentityCredential: it is not assigned. ", refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refused.Message);
        }

        Assert.Equal(1, _credential.Requests);
        _clock.Advance(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<AuthenticationFailedException>(() => identity.GetTokenAsync(Context, Stop).AsTask());
        Assert.Equal(2, _credential.Requests);
    }

    [Fact]
    public async Task A_token_is_kept_until_five_minutes_before_its_end()
    {
        _credential.Answer.SetResult(new AccessToken("good", _clock.GetUtcNow().AddHours(1)));
        var identity = Identity;

        await identity.GetTokenAsync(Context, Stop);
        _clock.Advance(TimeSpan.FromMinutes(54));
        await identity.GetTokenAsync(Context, Stop);
        Assert.Equal(1, _credential.Requests);

        _clock.Advance(TimeSpan.FromMinutes(1));
        await identity.GetTokenAsync(Context, Stop);
        Assert.Equal(2, _credential.Requests);
    }

    [Fact]
    public async Task A_request_that_never_ends_is_begun_anew_after_a_minute()
    {
        var identity = Identity;
        var first = identity.GetTokenAsync(Context, Stop).AsTask();
        await _credential.Asked.WaitAsync(Stop);
        _clock.Advance(TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<AuthenticationFailedException>(() => first);

        // Its end is one more failure that is remembered.
        await Eventually.IsTrueAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            _ = identity.GetTokenAsync(Context, Stop).AsTask();
            return Task.FromResult(_credential.Requests == 2);
        });
    }

    [Fact]
    public async Task A_database_login_without_a_token_is_an_outage_where_it_may_pass_and_else_a_mistake()
    {
        var password = DatabaseToken.Of(Identity);
        var waiting = password(Stop).AsTask();
        await _credential.Asked.WaitAsync(Stop);
        _clock.Advance(EntraCredential.Patience);
        var late = PostgresFailure.Of(await Assert.ThrowsAsync<TokenUnavailableException>(() => waiting));

        _credential.Answer.SetException(new CredentialUnavailableException("There is none."));
        _clock.Advance(TimeSpan.FromMinutes(2));
        var none = PostgresFailure.Of(
            await Assert.ThrowsAsync<OperatorMistakeException>(() => DatabaseToken.Of(Identity)(Stop).AsTask()));

        Assert.Equal((FailureKind.Outage, FailureKind.OperatorMistake), (late.Kind, none.Kind));
        Assert.All(
            [late, none],
            failure => Assert.Contains(
                $"{ClientId} (AZURE_CLIENT_ID) no token for the database", failure.Sentence, StringComparison.Ordinal));
    }

    private static async Task<string?> TokenAsync(EntraCredential identity)
    {
        try
        {
            return (await identity.GetTokenAsync(Context, Stop)).Token;
        }
        catch (AuthenticationFailedException)
        {
            return null;
        }
    }

    /// <summary>Answers when told to, whatever its caller's token says.</summary>
    private sealed class Scripted : TokenCredential
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _requests;

        public TaskCompletionSource<AccessToken> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;

        public int Requests => Volatile.Read(ref _requests);

        public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _requests);
            _asked.TrySetResult();
            return await Answer.Task;
        }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
