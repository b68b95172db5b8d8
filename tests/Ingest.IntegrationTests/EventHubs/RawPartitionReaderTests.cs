using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport.Poison;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class RawPartitionReaderTests
{
    private const string Key = "a2V5LW9mLXRoZS1sb2NhbC1odWI=";
    private const string Group = "$Default";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_come_in_order_as_the_bytes_that_the_hub_has()
    {
        await using var hub = await HubAsync(key: Key);
        for (var number = 0; number < 200; number++)
        {
            hub.Append("1", AmqpPoison.Good);
        }

        await using var client = Client(hub.ConnectionString);
        await using var raw = await OpenAsync(client, "1");

        for (var number = 0; number < 200; number++)
        {
            Assert.Equal(hub.Read("1", number), await raw.ReceiveAsync(Patience, Cancel));
        }
    }

    [Fact]
    public async Task A_message_that_spans_frames_comes_whole()
    {
        await using var hub = await HubAsync();
        hub.Append("0", [.. AmqpPoison.Annotations, 0x00, 0x53, 0x75, 0xb0, 0x00, 0x0f, 0x00, 0x00, .. RandomNumberGenerator.GetBytes(0x0f0000)]);
        await using var client = Client(hub.ConnectionString);
        await using var raw = await OpenAsync(client, "0");

        Assert.Equal(hub.Read("0", 0), await raw.ReceiveAsync(Patience, Cancel));
    }

    [Fact]
    public async Task A_delivery_that_does_not_end_is_given_up_and_named()
    {
        await using var hub = await HubAsync();
        hub.AppendVerbatim("0", new byte[64 * 1024 * 1024]);
        await using var client = Client(hub.ConnectionString);
        await using var raw = await OpenAsync(client, "0");

        var refused = await Assert.ThrowsAsync<HubException>(() => raw.ReceiveAsync(Patience, Cancel));

        Assert.Contains("larger than 24 MiB", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_message_comes_the_wait_ends_and_the_next_one_is_not_lost()
    {
        await using var hub = await HubAsync();
        await using var client = Client(hub.ConnectionString);
        await using var raw = await OpenAsync(client, "0");

        Assert.Null(await raw.ReceiveAsync(TimeSpan.FromMilliseconds(50), Cancel));
        hub.Append("0", AmqpPoison.Good);

        Assert.Equal(hub.Read("0", 0), await raw.ReceiveAsync(Patience, Cancel));
    }

    [Fact]
    public async Task Encrypted_only_a_host_with_a_trusted_certificate_is_spoken_to()
    {
        await using var hub = await HubAsync();
        hub.Append("0", AmqpPoison.Good);
        using var certificate = TestCertificate.SelfSigned("localhost");
        await using var relay = new TcpRelay(hub.Port, certificate);
        var connection = $"Endpoint=sb://localhost:{relay.Port}/;SharedAccessKeyName=local;SharedAccessKey=none;EntityPath=telemetry";

        await using var strict = Client(connection);
        var refused = await Assert.ThrowsAsync<HubException>(() => OpenAsync(strict, "0"));
        Assert.Equal(HubFailure.Misconfigured, refused.Failure);
        Assert.Contains("certificate", refused.Message, StringComparison.Ordinal);

        await using var trusting = new HubClient(
            new HubSettings { ConnectionString = connection }, TimeProvider.System, NullLogger<HubClient>.Instance, credential: null, [X509CertificateLoader.LoadCertificate(certificate.RawData)]);
        await using var raw = await OpenAsync(trusting, "0");
        Assert.NotNull(await raw.ReceiveAsync(Patience, Cancel));
    }

    [Fact]
    public async Task Over_WebSockets_it_reads_as_over_AMQP()
    {
        await using var hub = await HubAsync(key: Key);
        hub.Append("0", AmqpPoison.Good);
        await using var gateway = new WebSocketGateway(hub.Port);
        await using var client = Client(hub.ConnectionString.Replace($":{hub.Port};", $":{gateway.Port};", StringComparison.Ordinal) + ";TransportType=AmqpWebSockets");
        await using var raw = await OpenAsync(client, "0");

        Assert.Equal(hub.Read("0", 0), await raw.ReceiveAsync(Patience, Cancel));
    }

    [Fact]
    public async Task A_ready_signature_opens_the_hub_until_it_wears_off()
    {
        await using var hub = await HubAsync(key: Key);
        hub.Append("0", AmqpPoison.Good);
        var good = await SignatureAsync(hub, TimeProvider.System);
        var yesterday = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(-1));
        var old = await SignatureAsync(hub, yesterday);

        await using var client = Client(WithSignature(hub, good));
        await using var raw = await OpenAsync(client, "0");
        Assert.NotNull(await raw.ReceiveAsync(Patience, Cancel));

        await using var late = Client(WithSignature(hub, old));
        var refused = await Assert.ThrowsAsync<HubException>(() => OpenAsync(late, "0"));
        Assert.Equal(HubFailure.Unauthorized, refused.Failure);
        Assert.DoesNotContain(old, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Half_worn_off_the_authorisation_is_renewed_and_reading_goes_on()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubAsync(key: Key, clock);
        await using var client = new HubClient(new HubSettings { ConnectionString = hub.ConnectionString }, clock, NullLogger<HubClient>.Instance);
        await using var raw = await OpenAsync(client, "0");

        for (var half = 0; half < 4; half++)
        {
            hub.Append("0", AmqpPoison.Good);
            Assert.NotNull(await raw.ReceiveAsync(Patience, Cancel));
            clock.Advance(TimeSpan.FromMinutes(35));
        }
    }

    [Fact]
    public async Task An_Entra_identity_gives_a_token_for_event_hubs()
    {
        var identity = new Identity();
        var endpoint = HubEndpoint.From(new HubSettings { FullyQualifiedNamespace = "plant.servicebus.windows.net", Name = "telemetry" }, identity);

        var token = await endpoint.Token(TimeProvider.System).GetTokenAsync(new Uri("amqps://plant.servicebus.windows.net"), "amqps://plant.servicebus.windows.net/telemetry", ["Listen"]);

        Assert.Equal("jwt", token.TokenType);
        Assert.Equal("a-token", token.TokenValue);
        Assert.Equal(["https://eventhubs.azure.net/.default"], identity.Asked);
    }

    [Theory]
    [InlineData("amqp:unauthorized-access", "Unauthorized access.")]
    [InlineData("amqp:not-found", "The messaging entity 'sb://hub/telemetry' could not be found.")]
    [InlineData("amqp:not-found", "It is being moved.")]
    [InlineData("amqp:not-allowed", "Not so.")]
    [InlineData("amqp:not-implemented", "Not yet.")]
    [InlineData("amqp:internal-error", "Something broke.")]
    [InlineData("amqp:resource-limit-exceeded", "Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5.")]
    [InlineData("amqp:link:stolen", "New receiver with higher epoch of '2' is created.")]
    [InlineData("amqp:link:detach-forced", "The link is force detached.")]
    [InlineData("com.microsoft:entity-disabled", "The entity is disabled.")]
    [InlineData("com.microsoft:server-busy", "Busy.")]
    [InlineData("com.microsoft:timeout", "Too late.")]
    [InlineData("com.microsoft:argument-error", "The supplied offset '7' is invalid.")]
    [InlineData("com.microsoft:argument-error", "The filter is not valid.")]
    [InlineData("com.microsoft:argument-out-of-range", "The specified partition is invalid.")]
    public async Task What_the_hub_refuses_is_sorted_as_when_the_client_is_refused(string condition, string description)
    {
        await using var hub = await HubAsync();
        await using var client = Client(hub.ConnectionString);
        hub.RefuseLinks(condition, description);

        var expected = await RefusalOfClientAsync(client);
        var refused = await Assert.ThrowsAsync<HubException>(() => OpenAsync(client, "0"));

        Assert.Equal((expected.Failure, expected.IsBusy, expected.Message), (refused.Failure, refused.IsBusy, refused.Message));
    }

    [Fact]
    public async Task A_wrong_key_is_refused_and_never_said()
    {
        await using var hub = await HubAsync(key: Key);
        const string Wrong = "d3Jvbmctb25l";
        await using var client = Client(hub.ConnectionString.Replace(Key, Wrong, StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<HubException>(() => OpenAsync(client, "0"));

        Assert.Equal(HubFailure.Unauthorized, refused.Failure);
        Assert.DoesNotContain(Wrong, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_with_a_higher_owner_level_takes_the_partition_over()
    {
        await using var hub = await HubAsync();
        await using var client = Client(hub.ConnectionString);
        await using var raw = await OpenAsync(client, "0", ownerLevel: 1);
        var waiting = raw.ReceiveAsync(Patience, Cancel);

        await using var second = await OpenAsync(client, "0", ownerLevel: 2);

        Assert.Equal(HubFailure.PartitionTaken, (await Assert.ThrowsAsync<HubException>(() => waiting)).Failure);
        Assert.Equal(HubFailure.PartitionTaken, (await Assert.ThrowsAsync<HubException>(() => raw.ReceiveAsync(Patience, Cancel))).Failure);
        Assert.Equal(HubFailure.PartitionTaken, (await Assert.ThrowsAsync<HubException>(() => OpenAsync(client, "0", ownerLevel: 1))).Failure);
    }

    [Fact]
    public async Task A_cut_connection_passes_by_itself()
    {
        await using var hub = await HubAsync();
        await using var client = Client(hub.ConnectionString);
        await using var raw = await OpenAsync(client, "0");
        var waiting = raw.ReceiveAsync(Patience, Cancel);

        hub.CutConnections();

        Assert.Equal(HubFailure.Transient, (await Assert.ThrowsAsync<HubException>(() => waiting)).Failure);
    }

    [Fact]
    public async Task A_host_that_says_nothing_is_given_up_after_the_time_limit()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using var client = Client(To(mute), settings => settings.OperationTimeoutSeconds = 1);

        var late = await Assert.ThrowsAsync<HubException>(() => OpenAsync(client, "0"));

        Assert.Equal(HubFailure.Transient, late.Failure);
        Assert.Contains("did not answer in time", late.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_gives_up_does_not_wait_for_the_time_limit()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using var client = Client(To(mute), settings => settings.OperationTimeoutSeconds = 600);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var opening = RawPartitionReader.OpenAsync(client, Group, "0", StartAt.Earliest, null, leaving.Token);
        using var accepted = await mute.AcceptTcpClientAsync(Cancel);

        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.WaitAsync(Patience, Cancel));
    }

    private static Task<RawPartitionReader> OpenAsync(HubClient client, string partition, long? ownerLevel = null) =>
        RawPartitionReader.OpenAsync(client, Group, partition, StartAt.Earliest, ownerLevel, Cancel);

    private static async Task<HubException> RefusalOfClientAsync(HubClient client)
    {
        await using var receiver = new PartitionReceiver(
            Group, "0", EventPosition.Earliest, client.Connection, new PartitionReceiverOptions { RetryOptions = client.Endpoint.Retry(0) });
        return await Assert.ThrowsAsync<HubException>(() => client.SortedAsync(() => receiver.ReceiveBatchAsync(1, Patience, Cancel), Cancel));
    }

    private static async Task<string> SignatureAsync(LocalEventHub hub, TimeProvider time)
    {
        var endpoint = HubEndpoint.From(new HubSettings { ConnectionString = hub.ConnectionString });
        var token = await endpoint.Token(time).GetTokenAsync(new Uri("amqp://127.0.0.1"), "amqp://127.0.0.1/telemetry", ["Listen"]);
        return (string)token.TokenValue;
    }

    private static string WithSignature(LocalEventHub hub, string signature) =>
        $"Endpoint=sb://127.0.0.1:{hub.Port};SharedAccessSignature={signature};UseDevelopmentEmulator=true;EntityPath=telemetry";

    private static string To(TcpListener listener) =>
        $"Endpoint=sb://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port};SharedAccessKeyName=local;SharedAccessKey=none;UseDevelopmentEmulator=true;EntityPath=telemetry";

    private static Task<LocalEventHub> HubAsync(string? key = null, TimeProvider? clock = null) =>
        LocalEventHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 2, SharedAccessKey = key, Clock = clock ?? TimeProvider.System }, Cancel);

    private static HubClient Client(string connectionString, Action<HubSettings>? change = null)
    {
        var settings = new HubSettings { ConnectionString = connectionString };
        change?.Invoke(settings);
        return new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance);
    }

    private sealed class Identity : TokenCredential
    {
        public List<string> Asked { get; } = [];

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Asked.AddRange(requestContext.Scopes);
            return new AccessToken("a-token", TimeProvider.System.GetUtcNow().AddHours(1));
        }

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            ValueTask.FromResult(GetToken(requestContext, cancellationToken));
    }
}
