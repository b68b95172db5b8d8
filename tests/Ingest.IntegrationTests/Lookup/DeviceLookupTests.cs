using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Azure.Core;
using Azure.Identity;
using Ingest.Lookup;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.Lookup;

/// <summary>The lookup through the real Cosmos DB SDK in gateway mode.</summary>
public sealed class DeviceLookupTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new();
    private readonly RecordingLogger _log = new();
    private ScriptedCosmos _cosmos = null!;
    private CosmosClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cosmos = await ScriptedCosmos.StartAsync();
        _client = _cosmos.Connect();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _cosmos.DisposeAsync();
    }

    [Fact]
    public async Task A_document_is_found_by_one_read_of_its_id_and_partition_key()
    {
        string? partitionKey = null;
        _cosmos.Document = context =>
        {
            partitionKey = context.Request.Headers["x-ms-documentdb-partitionkey"];
            return ScriptedCosmos.AnswerAsync(context, StatusCodes.Status200OK, """
                {"id":"itsme","name":"It's me","floor":3,"tags":["a",{"_b":1}],"_rid":"r","_self":"s","_etag":"e","_attachments":"a","_ts":1}
                """);
        };

        var found = Assert.IsType<LookupResult.Found>(await FindAsync("itsme"));

        Assert.Equal("It's me", found.Name);
        Assert.Equal("""{"id":"itsme","name":"It\u0027s me","floor":3,"tags":["a",{"_b":1}]}""", found.Fields.ToJsonString());
        Assert.Equal("/itsme", Assert.Single(_cosmos.DocumentsAsked));
        Assert.Equal("""["itsme"]""", partitionKey);
    }

    [Theory]
    [InlineData("""{"id":"itsme"}""")]
    [InlineData("""{"id":"itsme","name":""}""")]
    [InlineData("""{"id":"itsme","name":null}""")]
    [InlineData("""{"id":"itsme","name":{"first":"x"}}""")]
    public async Task A_document_without_a_name_is_called_by_its_id(string document)
    {
        _cosmos.Document = context => ScriptedCosmos.AnswerAsync(context, StatusCodes.Status200OK, document);

        Assert.Equal("itsme", Assert.IsType<LookupResult.Found>(await FindAsync("itsme")).Name);
    }

    [Fact]
    public async Task A_document_that_is_not_there_is_not_found_and_nothing_is_logged()
    {
        Assert.IsType<LookupResult.NotFound>(await FindAsync("nobody"));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task Throttling_is_unavailable_for_as_long_as_Cosmos_says()
    {
        _cosmos.Document = context =>
        {
            context.Response.Headers["x-ms-retry-after-ms"] = "7000";
            return ScriptedCosmos.AnswerAsync(context, StatusCodes.Status429TooManyRequests, subStatus: 3200);
        };

        var unavailable = Assert.IsType<LookupResult.Unavailable>(await FindAsync("itsme"));

        Assert.Equal(TimeSpan.FromSeconds(7), unavailable.RetryAfter);
        Assert.Contains(_log.Lines, line => line.Contains("throughput", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Short_throttling_is_waited_out()
    {
        _cosmos.Document = context =>
        {
            if (_cosmos.DocumentsAsked.Count > 1)
            {
                return ScriptedCosmos.AnswerAsync(context, StatusCodes.Status200OK, """{"id":"itsme"}""");
            }

            context.Response.Headers["x-ms-retry-after-ms"] = "5";
            return ScriptedCosmos.AnswerAsync(context, StatusCodes.Status429TooManyRequests, subStatus: 3200);
        };

        Assert.IsType<LookupResult.Found>(await FindAsync("itsme"));
    }

    [Theory]
    [InlineData(StatusCodes.Status403Forbidden, 0, "Microsoft.AzureCosmosDB")]
    [InlineData(StatusCodes.Status403Forbidden, 5302, "Cosmos DB Built-in Data Reader")]
    [InlineData(StatusCodes.Status401Unauthorized, 0, "Cosmos__accountEndpoint")]
    [InlineData(StatusCodes.Status404NotFound, 1003, "CosmosContainer")]
    [InlineData(StatusCodes.Status400BadRequest, 1001, "/id")]
    public async Task A_refusal_is_unavailable_and_the_log_says_what_to_put_right(int status, int subStatus, string advice)
    {
        _cosmos.Document = context => ScriptedCosmos.AnswerAsync(context, status, subStatus: subStatus);

        Assert.IsType<LookupResult.Unavailable>(await FindAsync("itsme"));

        Assert.Contains(advice, Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_that_refuses_the_network_is_unavailable_and_the_log_names_the_service_endpoint()
    {
        _cosmos.Account = context => ScriptedCosmos.AnswerAsync(
            context,
            StatusCodes.Status403Forbidden,
            """{"code":"Forbidden","message":"Request originated from IP 10.0.0.4 through public internet. This is blocked by your Cosmos DB account firewall settings."}""");

        // A client asks for its account when it is made, so this one is made afterwards.
        _client.Dispose();
        _client = _cosmos.Connect();

        Assert.IsType<LookupResult.Unavailable>(await FindAsync("itsme"));

        Assert.Contains("Microsoft.AzureCosmosDB", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.Empty(_cosmos.DocumentsAsked);
    }

    [Theory]
    [InlineData(StatusCodes.Status500InternalServerError)]
    [InlineData(StatusCodes.Status503ServiceUnavailable)]
    public async Task A_failing_account_is_unavailable(int status)
    {
        _cosmos.Document = context => ScriptedCosmos.AnswerAsync(context, status);

        Assert.IsType<LookupResult.Unavailable>(await FindAsync("itsme"));
    }

    [Fact]
    public async Task An_account_that_nothing_listens_for_is_unavailable()
    {
        using var client = new CosmosClient(NobodyListens(), Convert.ToBase64String(new byte[64]), Options());

        Assert.IsType<LookupResult.Unavailable>(await FindAsync("itsme", client));
        Assert.NotEmpty(_log.Lines);
    }

    [Fact]
    public async Task An_account_that_stays_silent_is_unavailable_when_patience_ends()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _cosmos.Document = async context =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        };

        var finding = FindAsync("itsme");
        await Task.WhenAny(asked.Task, finding);
        Assert.False(finding.IsCompleted);
        _clock.Advance(DeviceLookup.Patience);

        Assert.IsType<LookupResult.Unavailable>(await finding);
    }

    [Fact]
    public async Task An_identity_whose_token_never_comes_is_given_up_when_patience_ends()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var client = new CosmosAccount(null, "https://127.0.0.1:1/").Connect(new NeverAnswers(asked));

        var finding = FindAsync("itsme", client);
        await Task.WhenAny(asked.Task, finding);
        Assert.False(finding.IsCompleted);
        _clock.Advance(DeviceLookup.Patience);

        Assert.IsType<LookupResult.Unavailable>(await finding);
        Assert.Contains("10 s", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_identity_without_a_token_is_unavailable_and_the_log_says_what_the_identity_says()
    {
        using var client = new CosmosAccount(null, "https://127.0.0.1:1/").Connect(new Refused());

        Assert.IsType<LookupResult.Unavailable>(await FindAsync("itsme", client));

        Assert.Contains("no token for the identity 7", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_who_goes_away_is_no_failure_of_the_account()
    {
        using var caller = new CancellationTokenSource();
        _cosmos.Document = async context =>
        {
            await caller.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FindAsync("itsme", cancellationToken: caller.Token));
        Assert.Empty(_log.Lines);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../../../colls/secrets/docs/x")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    [InlineData("ä")]
    [InlineData("\"];drop")]
    [InlineData("%2e%2e")]
    [InlineData("%2F..%2F..")]
    [InlineData("a%00b")]
    public async Task A_hostile_id_is_never_asked_for(string id)
    {
        Assert.IsType<LookupResult.InvalidId>(await FindAsync(id));
        Assert.Empty(_cosmos.DocumentsAsked);
    }

    [Theory]
    [InlineData("...a")]
    [InlineData("a+b:c;d=e,f@g!h(i)*$_-.'")]
    public async Task Every_allowed_id_reaches_Cosmos_as_one_segment_that_decodes_to_itself(string id)
    {
        await FindAsync(id);

        var asked = Assert.Single(_cosmos.DocumentsAsked);
        Assert.StartsWith("/", asked, StringComparison.Ordinal);
        Assert.DoesNotContain('/', asked[1..]);
        Assert.Equal(id, Uri.UnescapeDataString(asked[1..]));
    }

    private static string NobodyListens()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        return string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{port}/");
    }

    private static CosmosClientOptions Options()
    {
        var options = new CosmosClientOptions();
        LookupClientOptions.Apply(options);
        return options;
    }

    private Task<LookupResult> FindAsync(string id, CosmosClient? client = null, CancellationToken? cancellationToken = null) =>
        new DeviceLookup((client ?? _client).GetContainer(ScriptedCosmos.DatabaseName, ScriptedCosmos.ContainerName), _clock, _log)
            .FindAsync(id, cancellationToken ?? TestContext.Current.CancellationToken);

    private sealed class NeverAnswers(TaskCompletionSource asked) : TokenCredential
    {
        public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            asked.TrySetResult();
            return await new TaskCompletionSource<AccessToken>().Task;
        }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }

    private sealed class Refused : TokenCredential
    {
        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new AuthenticationFailedException("no token for the identity 7");

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }

    private sealed class RecordingLogger : ILogger<DeviceLookup>
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            // A console would write it below the line, with its stack trace.
            Assert.Null(exception);
            var line = formatter(state, exception);
            Assert.DoesNotContain('\n', line);
            _lines.Add(line);
        }
    }
}
