using Azure.Messaging.EventHubs;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>A local hub behind a wire that can be cut, with clients for it.</summary>
internal sealed class TestHub : IAsyncDisposable
{
    /// <summary>After how long without renewal a partition is free, as the clients are set up.</summary>
    public static readonly TimeSpan OwnershipExpiry = TimeSpan.FromSeconds(4);

    private readonly List<IAsyncDisposable> _clients = [];

    private TestHub(LocalEventHub hub, TcpRelay relay)
    {
        Hub = hub;
        Relay = relay;
    }

    public LocalEventHub Hub { get; private set; }

    public TcpRelay Relay { get; }

    /// <summary>A client connection string that goes through the wire.</summary>
    public string ConnectionString => Hub.ConnectionString.Replace($"127.0.0.1:{Hub.Port}", $"127.0.0.1:{Relay.Port}", StringComparison.Ordinal);

    public static async Task<TestHub> StartAsync(LocalHubSettings options)
    {
        var hub = await LocalEventHub.StartAsync(options, TestContext.Current.CancellationToken);
        return new TestHub(hub, new TcpRelay(hub.Port));
    }

    /// <summary>A hub of one or more partitions.</summary>
    public static Task<TestHub> StartAsync(int partitions) => StartAsync(new LocalHubSettings { Port = 0, Partitions = partitions });

    /// <summary>Ends the hub with all it holds, and puts another in its place.</summary>
    public async Task ReplaceAsync(LocalHubSettings options)
    {
        var next = await LocalEventHub.StartAsync(options, TestContext.Current.CancellationToken);
        await Hub.DisposeAsync();
        Hub = next;
        Relay.Retarget(next.Port);
        Relay.Cut();
    }

    public HubClient Client(Action<HubSettings>? change = null, TimeProvider? time = null, ILogger<HubClient>? logger = null)
    {
        var settings = new HubSettings
        {
            ConnectionString = ConnectionString,
            OperationTimeoutSeconds = 20,
            MaxRetryDelaySeconds = 1,
            LoadBalancingIntervalSeconds = 1,
            OwnershipExpirySeconds = (int)OwnershipExpiry.TotalSeconds,
            LagIntervalSeconds = 1,
        };
        change?.Invoke(settings);
        var client = new HubClient(settings, time ?? TimeProvider.System, logger ?? NullLogger<HubClient>.Instance);
        _clients.Add(client);
        return client;
    }

    /// <summary>Sends numbered messages, each body its number, to one partition.</summary>
    public async Task SendAsync(string partition, int first, int count, Func<int, EventData>? make = null)
    {
        await using var client = new HubClient(
            new HubSettings { ConnectionString = Hub.ConnectionString }, TimeProvider.System, NullLogger<HubClient>.Instance);
        await using var sender = new HubSender(client);
        var messages = Enumerable.Range(first, count).Select(make ?? Numbered).ToList();
        await sender.SendAsync(messages, SendTarget.Partition(partition), TestContext.Current.CancellationToken);
    }

    /// <summary>Puts a numbered message into the hub, with no client.</summary>
    public void Append(string partition, int number)
    {
        var message = new Amqp.Message { BodySection = new Amqp.Framing.Data { Binary = System.Text.Encoding.UTF8.GetBytes(number.ToString()) } };
        var encoded = message.Encode();
        Hub.Append(partition, encoded.Buffer.AsSpan(encoded.Offset, encoded.Length));
    }

    public static EventData Numbered(int number) =>
        Message(number.ToString(), new() { ["iothub-connection-device-id"] = $"device-{number % 7}" });

    /// <summary>A message with annotations, as IoT Hub would set them.</summary>
    public static EventData Message(string body, Dictionary<string, object> annotations)
    {
        var message = new EventData(body);
        foreach (var (name, value) in annotations)
        {
            message.GetRawAmqpMessage().MessageAnnotations[name] = value;
        }

        return message;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        await Relay.DisposeAsync();
        await Hub.DisposeAsync();
    }
}
