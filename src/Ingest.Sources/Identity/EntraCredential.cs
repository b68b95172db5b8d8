using Azure.Core;
using Azure.Identity;
using Ingest.Sources.EventHubs;

namespace Ingest.Sources.Identity;

/// <summary>
/// A Microsoft Entra identity whose tokens nobody waits for longer than <see cref="Patience"/>, nor than the caller's own token allows.
/// Azure's credentials wait for minutes where the identity's endpoint is silent, and their clients ask again and again. Here one request
/// at a time is under way for all who ask, and those who ask while it is late are told so at once.
/// </summary>
/// <param name="credential">The identity.</param>
/// <param name="clientId">Which one it is, as <c>AZURE_CLIENT_ID</c> says; null where nothing says so.</param>
/// <param name="clock">Measures <see cref="Patience"/>, and how long a token is good.</param>
public sealed class EntraCredential(TokenCredential credential, string? clientId, TimeProvider clock) : TokenCredential
{
    /// <summary>
    /// Longest wait for a token: 5 s. It is shorter than the patience of the lookup and of readiness, so that both can say what they
    /// waited for.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // A token that is only late serves those who ask next; the one of a request that never ends is asked for anew.
    private static readonly TimeSpan LongestRequest = TimeSpan.FromMinutes(1);

    // A client that gets no token asks several times in a row.
    private static readonly TimeSpan FailureIsRemembered = TimeSpan.FromSeconds(5);

    // As Azure's own clients do.
    private static readonly TimeSpan RenewedBefore = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, Request> _last = [];
    private readonly Lock _gate = new();

    private string Name => string.IsNullOrWhiteSpace(clientId)
        ? "the identity of this process (AZURE_CLIENT_ID names none)"
        : $"the identity {clientId} (AZURE_CLIENT_ID)";

    /// <inheritdoc/>
    /// <exception cref="AuthenticationFailedException">
    /// There is no token, or none in time. The message is one line: which identity, what happened and what to do.
    /// </exception>
    public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        try
        {
            return await LastOrNew(requestContext).Token.WaitAsync(cancellationToken);
        }
        catch (AuthenticationFailedException failure)
        {
            throw new AuthenticationFailedException(EntraLogin.Sentence(failure, WantedBy(requestContext), Name), failure);
        }
        catch (TimeoutException late)
        {
            throw new AuthenticationFailedException(EntraLogin.Late(Patience, WantedBy(requestContext), Name), late);
        }
    }

    /// <inheritdoc/>
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        GetTokenAsync(requestContext, cancellationToken).AsTask().GetAwaiter().GetResult();

    private static string WantedBy(TokenRequestContext request) =>
        request.Scopes.SequenceEqual(DatabaseToken.Scopes)
            ? "the database"
            : string.Join(' ', request.Scopes.Select(
                scope => Uri.TryCreate(scope, UriKind.Absolute, out var address) ? address.Host : scope));

    private Request LastOrNew(TokenRequestContext context)
    {
        var key = string.Join('\n', [.. context.Scopes, context.Claims, context.TenantId]);
        lock (_gate)
        {
            return _last.TryGetValue(key, out var last) && last.StandsAt(clock.GetUtcNow())
                ? last
                : _last[key] = new Request(credential, context, clock);
        }
    }

    /// <summary>One request of the credential, whose answer all get who ask while it stands.</summary>
    private sealed class Request
    {
        private readonly TimeProvider _clock;
        private readonly Task<AccessToken> _answer;
        private readonly Task<AccessToken> _inTime;
        private long? _endedAt;

        public Request(TokenCredential credential, TokenRequestContext context, TimeProvider clock)
        {
            _clock = clock;
            _answer = AskAsync(credential, context);
            _inTime = _answer.WaitAsync(Patience, clock);
        }

        /// <summary>The token; faulted by the time-out where it is late, until it is there.</summary>
        public Task<AccessToken> Token => _answer.IsCompletedSuccessfully ? _answer : _inTime;

        /// <summary>Whether the answer is awaited, is a token that is good for a while, or is a failure of just now.</summary>
        public bool StandsAt(DateTimeOffset now) =>
            !_answer.IsCompleted
            || (_answer.IsCompletedSuccessfully
                ? now < _answer.Result.ExpiresOn - RenewedBefore
                : _clock.GetElapsedTime(_endedAt ?? 0) < FailureIsRemembered);

        private async Task<AccessToken> AskAsync(TokenCredential credential, TokenRequestContext context)
        {
            using var longest = new CancellationTokenSource(LongestRequest, _clock);
            try
            {
                // Some credentials block before they wait.
                return await Task.Run(async () => await credential.GetTokenAsync(context, longest.Token))
                    .WaitAsync(LongestRequest, _clock);
            }
            catch (OperationCanceledException cancelled) when (longest.IsCancellationRequested)
            {
                throw new TimeoutException($"No token came within {LongestRequest.TotalSeconds} s.", cancelled);
            }
            finally
            {
                _endedAt = _clock.GetTimestamp();
            }
        }
    }
}
