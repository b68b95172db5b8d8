using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class HubClientTests
{
    private const string Key = "a2V5LW9mLXRoZS1sb2NhbC1odWI=";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_hub_and_its_partitions_tell_about_themselves()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 3, FirstSequenceNumbers = [0, 40] });
        await hub.SendAsync("1", 0, 5);
        var client = hub.Client();

        var properties = await client.GetHubAsync(Cancel);
        Assert.Equal("telemetry", properties.Name);
        Assert.Equal(["0", "1", "2"], properties.PartitionIds);

        var sent = await client.GetPartitionAsync("1", Cancel);
        Assert.Equal((40L, 44L, false), (sent.BeginSequenceNumber, sent.LastSequenceNumber, sent.IsEmpty));
        Assert.True((await client.GetPartitionAsync("2", Cancel)).IsEmpty);
    }

    [Fact]
    public async Task Tokens_are_renewed_before_they_expire()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1, SharedAccessKey = Key, Clock = clock });
        var logger = new RecordingLogger();
        var client = hub.Client(settings => settings.TokenLifetimeMinutes = 60, clock, logger);
        var store = new MemoryStore();
        using var worker = new HubWorker(client, TimeSource.IotHub, store.ClaimAsync, store.ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await Eventually.Is(() => worker.Partitions is [{ IsAttached: true }]);

        for (var renewals = 1; renewals <= 3; renewals++)
        {
            clock.Advance(TimeSpan.FromMinutes(49));
            await Eventually.Is(() => logger.Texts(2001).Count == renewals);
        }

        // The hub ends links whose token has expired: the one of the beginning has, twice over.
        hub.Append("0", 7);
        await store.StoredAsync(1, Cancel);
        await stop.CancelAsync();
        await running;
        Assert.Equal(["7"], store.Bodies("0"));
        Assert.Equal(1, hub.Relay.Accepted);
    }

    [Fact]
    public async Task A_signature_that_is_good_for_a_year_is_used_as_it_is()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var signature = SasToken.Sign("sb://127.0.0.1/telemetry", "local", Key, TimeProvider.System.GetUtcNow().AddYears(1)).Text;
        var logger = new RecordingLogger();
        var client = hub.Client(
            settings => settings.ConnectionString =
                $"Endpoint=sb://127.0.0.1:{hub.Relay.Port};SharedAccessSignature={signature};UseDevelopmentEmulator=true;EntityPath=telemetry",
            logger: logger);

        Assert.Equal(["0"], (await client.GetHubAsync(Cancel)).PartitionIds);
        Assert.Empty(logger.Texts(2002));
        Assert.Equal(1, hub.Relay.Accepted);
    }

    [Fact]
    public async Task A_consumer_group_is_checked_without_reading_in_it()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1, ConsumerGroups = ["there"] });
        var client = hub.Client();

        await client.CheckConsumerGroupAsync("there", "0", Cancel);

        var refused = await Assert.ThrowsAsync<HubException>(() => client.CheckConsumerGroupAsync("nowhere", "0", Cancel));
        Assert.Equal(HubFailure.NotFound, refused.Failure);
        Assert.Contains("no consumer group 'nowhere'", refused.Message, StringComparison.Ordinal);
        hub.Hub.RefuseLinks("amqp:unauthorized-access", "Unauthorized access. 'Listen' claim(s) are required.");
        var unauthorized = await Assert.ThrowsAsync<HubException>(() => client.CheckConsumerGroupAsync("there", "0", Cancel));
        Assert.Equal(HubFailure.Unauthorized, unauthorized.Failure);
    }

    [Fact]
    public async Task A_consumer_group_that_a_worker_reads_in_is_there_and_the_worker_does_not_notice()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var store = new MemoryStore();
        using var worker = new HubWorker(hub.Client(), TimeSource.IotHub, store.ClaimAsync, store.ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);
        await Eventually.Is(() => worker.Partitions is [{ IsAttached: true }]);

        await hub.Client().CheckConsumerGroupAsync("$Default", "0", Cancel);

        await hub.SendAsync("0", 0, 10);
        await store.StoredAsync(10, Cancel);
        Assert.Equal(0, worker.Partitions[0].Reconnects);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_wrong_key_is_told_as_such()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1, SharedAccessKey = Key });
        var client = hub.Client(settings => settings.ConnectionString = settings.ConnectionString.Replace(Key, "d3Jvbmc=", StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<HubException>(() => client.GetHubAsync(Cancel));

        Assert.Equal(HubFailure.Unauthorized, refused.Failure);
        Assert.True(refused.NeedsOperator);
        Assert.DoesNotContain("d3Jvbmc", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_consumer_group_that_is_not_there_is_told_in_the_status()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var store = new MemoryStore();
        using var worker = new HubWorker(
            hub.Client(settings => settings.ConsumerGroup = "nobody"), TimeSource.IotHub, store.ClaimAsync, store.ProcessAsync);
        using var stop = new CancellationTokenSource();
        var running = worker.RunAsync(stop.Token, Cancel);

        await Eventually.Is(() => worker.Partitions is [{ NeedsOperator: true }]);
        Assert.Contains("consumer group", worker.Partitions[0].LastError, StringComparison.Ordinal);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_hub_that_is_not_there_is_told_as_such()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 1 });
        var client = hub.Client(settings => settings.Name = "other");

        var refused = await Assert.ThrowsAsync<HubException>(() => client.GetHubAsync(Cancel));

        Assert.Equal(HubFailure.NotFound, refused.Failure);
    }

    [Fact]
    public async Task A_real_hubs_certificate_is_validated()
    {
        using var certificate = SelfSigned("localhost");
        await using var hub = await TestHub.StartAsync(new LocalHubOptions { Port = 0, Partitions = 2 });
        await using var encrypted = new TcpRelay(hub.Hub.Port, certificate);
        var settings = new HubSettings { ConnectionString = $"Endpoint=sb://localhost:{encrypted.Port};SharedAccessKeyName=k;SharedAccessKey=v;EntityPath=telemetry" };

        await using var wary = new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance);
        var refused = await Assert.ThrowsAsync<HubException>(() => wary.GetHubAsync(Cancel));
        Assert.Equal(HubFailure.Misconfigured, refused.Failure);
        Assert.Contains("certificate", refused.Message, StringComparison.OrdinalIgnoreCase);

        await using var trusting = new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance, [certificate]);
        Assert.Equal(["0", "1"], (await trusting.GetHubAsync(Cancel)).PartitionIds);
    }

    private static X509Certificate2 SelfSigned(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
