using Ingest.TestSupport;
using System.Security.Cryptography;
using System.Text;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs;

public sealed class HubClientTests
{
    private const string Key = "a2V5LW9mLXRoZS1sb2NhbC1odWI=";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_hub_and_its_partitions_tell_about_themselves()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 3, FirstSequenceNumbers = [0, 40] });
        await hub.SendAsync("1", 0, 5);
        var client = hub.Client();

        var properties = await client.GetHubAsync(Cancel);
        Assert.Equal("telemetry", properties.Name);
        Assert.Equal(["0", "1", "2"], properties.PartitionIds);

        var sent = await client.GetPartitionAsync("1", Cancel);
        Assert.Equal((40L, 44L, false), (sent.BeginningSequenceNumber, sent.LastEnqueuedSequenceNumber, sent.IsEmpty));
        Assert.True((await client.GetPartitionAsync("2", Cancel)).IsEmpty);
    }

    [Fact]
    public async Task A_signature_that_is_good_for_a_year_is_used_as_it_is()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        var client = hub.Client(
            settings => settings.ConnectionString =
                $"Endpoint=sb://127.0.0.1:{hub.Relay.Port};SharedAccessSignature={Signature(TimeProvider.System.GetUtcNow().AddYears(1))};UseDevelopmentEmulator=true;EntityPath=telemetry");

        Assert.Equal(["0"], (await client.GetHubAsync(Cancel)).PartitionIds);
        Assert.Equal(1, hub.Relay.Accepted);
    }

    [Fact]
    public async Task A_reader_whose_token_has_expired_is_let_in_again_by_a_new_one()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, SharedAccessKey = Key });
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(hub.Client(), store);
        hub.Append("0", 1);
        await worker.StoredAsync(store, 1);

        hub.Hub.DetachLinks("amqp:unauthorized-access", "ExpiredToken: the token is expired.");

        hub.Append("0", 2);
        await worker.StoredAsync(store, 2);
        await worker.StopAsync();
        Assert.Equal(["1", "2"], store.Bodies("0"));
    }

    [Fact]
    public async Task A_consumer_group_is_checked_without_reading_in_it()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, ConsumerGroups = ["there"] });
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
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        var store = new MemoryStore();
        await using var worker = RunningWorker.Start(hub.Client(), store);
        await Eventually.IsTrueAsync(() => worker.Partitions is [{ IsAttached: true }]);

        await hub.Client().CheckConsumerGroupAsync("$Default", "0", Cancel);

        await hub.SendAsync("0", 0, 10);
        await worker.StoredAsync(store, 10);
        Assert.Equal(0, worker.Partitions[0].Reconnects);
        await worker.StopAsync();
    }

    [Fact]
    public async Task A_wrong_key_is_told_as_such()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1, SharedAccessKey = Key });
        var client = hub.Client(settings => settings.ConnectionString = settings.ConnectionString.Replace(Key, "d3Jvbmc=", StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<HubException>(() => client.GetHubAsync(Cancel));

        Assert.Equal(HubFailure.Unauthorized, refused.Failure);
        Assert.True(refused.NeedsOperator);
        Assert.DoesNotContain("d3Jvbmc", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_consumer_group_that_is_not_there_is_told_in_the_status()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        await using var worker = RunningWorker.Start(hub.Client(settings => settings.ConsumerGroup = "nobody"), new MemoryStore());

        await Eventually.IsTrueAsync(() => worker.Partitions is [{ NeedsOperator: true }]);
        Assert.Contains("consumer group", worker.Partitions[0].LastError, StringComparison.Ordinal);
        await worker.StopAsync();
    }

    [Fact]
    public async Task A_hub_that_is_not_there_is_told_as_such()
    {
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 1 });
        var client = hub.Client(settings => settings.Name = "other");

        var refused = await Assert.ThrowsAsync<HubException>(() => client.GetHubAsync(Cancel));

        Assert.Equal(HubFailure.NotFound, refused.Failure);
    }

    [Fact]
    public async Task A_real_hubs_certificate_is_validated()
    {
        using var certificate = TestCertificate.SelfSigned("localhost");
        await using var hub = await TestHub.StartAsync(new LocalHubSettings { Port = 0, Partitions = 2 });
        await using var encrypted = new TcpRelay(hub.Hub.Port, certificate);
        var settings = new HubSettings { ConnectionString = $"Endpoint=sb://localhost:{encrypted.Port};SharedAccessKeyName=k;SharedAccessKey=v;EntityPath=telemetry" };

        await using var wary = new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance);
        var refused = await Assert.ThrowsAsync<HubException>(() => wary.GetHubAsync(Cancel));
        Assert.Equal(HubFailure.Misconfigured, refused.Failure);
        Assert.Contains("certificate", refused.Message, StringComparison.OrdinalIgnoreCase);

        await using var trusting = new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance, credential: null, [certificate]);
        Assert.Equal(["0", "1"], (await trusting.GetHubAsync(Cancel)).PartitionIds);
    }

    private static string Signature(DateTimeOffset expiry)
    {
        var resource = Uri.EscapeDataString("amqp://127.0.0.1/telemetry");
        var until = expiry.ToUnixTimeSeconds();
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), Encoding.UTF8.GetBytes(FormattableString.Invariant($"{resource}\n{until}")));
        return FormattableString.Invariant($"SharedAccessSignature sr={resource}&sig={Uri.EscapeDataString(Convert.ToBase64String(signature))}&se={until}&skn=local");
    }
}
