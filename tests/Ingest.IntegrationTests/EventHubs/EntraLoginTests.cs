using System.Net;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Ingest.Diagnostics;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

/// <summary>
/// A worker that reads under a Microsoft Entra identity which gets no token. Entra's answers are canned; who reads them is Microsoft's.
/// </summary>
public sealed class EntraLoginTests
{
    private const string WrongTenant =
        """{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'plant' not found. Trace ID: 1","error_codes":[90002]}""";
    private const string WrongSecret = """{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: 1","error_codes":[7000215]}""";

    private readonly RecordingLogger _logger = new();

    public static TheoryData<HttpStatusCode, string> Outages => new()
    {
        { 0, "" },
        { HttpStatusCode.ServiceUnavailable, "" },
        { HttpStatusCode.TooManyRequests, "{}" },
        {
            HttpStatusCode.InternalServerError,
            """{"error":"server_error","error_description":"AADSTS90033: A transient error has occurred."}"""
        },
    };

    [Theory]
    [MemberData(nameof(Outages))]
    public async Task An_endpoint_that_is_silent_busy_or_broken_is_waited_for(HttpStatusCode status, string body)
    {
        await using var stage = new Stage(Application(status, body), _logger);
        var signals = stage.Host.Services.GetRequiredService<ShutdownSignals>();

        var running = WorkerProgram.RunAsync(() => stage.Host);
        await Eventually.IsTrueAsync(() => running.IsCompleted || _logger.Texts(LogEventIds.WaitingStill).Count > 0);
        Assert.False(running.IsCompleted, $"The worker ended: {(running.IsCompleted ? await running : null)}");
        signals.RequestStop();

        Assert.Equal(WorkerProgram.Success, await running);
        Assert.Contains("Microsoft Entra gives this process no token", _logger.Texts(LogEventIds.Unreachable)[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(WrongTenant, "AADSTS90002: Tenant 'plant' not found. ")]
    [InlineData(WrongSecret, "AADSTS7000215: Invalid client secret provided. ")]
    public async Task An_identity_that_is_refused_ends_the_start_with_words(string body, string said)
    {
        await using var stage = new Stage(Application(HttpStatusCode.BadRequest, body), _logger);
        var refused = await Assert.ThrowsAsync<HubException>(() => stage.Client.GetHubAsync(TestContext.Current.CancellationToken));

        Assert.Equal(HubFailure.Unauthorized, refused.Failure);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
        Assert.Contains("AZURE_CLIENT_ID", refused.Message, StringComparison.Ordinal);
        var running = WorkerProgram.RunAsync(() => stage.Host);
        Assert.Equal(WorkerProgram.Unusable, await running.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    private static ClientSecretCredential Application(HttpStatusCode status, string body) =>
        new("plant", "worker", "secret", new ClientSecretCredentialOptions
        {
            DisableInstanceDiscovery = true,
            Retry = { MaxRetries = 0 },
            Transport = new HttpClientTransport(new HttpClient(new Answer(status, body))),
        });

    /// <summary>
    /// A worker's host. The client asks for a token before it speaks to the hub, so that none is needed; the database is away.
    /// </summary>
    private sealed class Stage : IAsyncDisposable
    {
        public Stage(TokenCredential credential, RecordingLogger logger)
        {
            var settings = WorkerSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Hub:FullyQualifiedNamespace"] = "localhost",
                ["Hub:Name"] = "telemetry",
                ["Hub:MaxRetryDelaySeconds"] = "1",
                ["Database:ConnectionString"] = "Host=127.0.0.1;Port=1;Username=nobody;Database=none",
                ["Health:Port"] = "0",
            }).Build());
            Client = new HubClient(settings.Pipeline.Hub, TimeProvider.System, logger, credential);
            var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Services.AddIngestWorker(settings);
            builder.Services.AddSingleton(Client);
            Host = builder.Build();
        }

        public HubClient Client { get; }

        public IHost Host { get; }

        public ValueTask DisposeAsync() => Client.DisposeAsync();
    }

    private sealed class Answer(HttpStatusCode status, string body) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            status == 0
            ? throw new HttpRequestException("Connection refused")
            : Task.FromResult(new HttpResponseMessage(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") });
    }
}
