using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.Sources.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ingest.Sources.EventHubs;

/// <summary>An event hub, asked about itself and its partitions. Safe for many threads.</summary>
public sealed class HubClient : IAsyncDisposable
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    private readonly EventHubConsumerClient _asking;

    /// <param name="settings">Which hub.</param>
    /// <param name="time">Times what is tried again.</param>
    /// <param name="logger">Told of outages.</param>
    /// <param name="credential">The identity, for settings without a connection string.</param>
    /// <exception cref="FormatException">The settings do not name a hub.</exception>
    public HubClient(HubSettings settings, TimeProvider time, ILogger<HubClient> logger, TokenCredential? credential = null)
        : this(settings, time, logger, credential, trustedRoots: null)
    {
    }

    internal HubClient(
        HubSettings settings,
        TimeProvider time,
        ILogger<HubClient> logger,
        TokenCredential? credential,
        X509Certificate2Collection? trustedRoots)
    {
        Endpoint = HubEndpoint.From(settings, credential, trustedRoots);
        Settings = settings;
        Time = time;
        Logger = logger;
        Undecodable = new UndecodableLog(logger, Endpoint.Identity, time);
        Connection = Endpoint.Connect();
        _asking = new EventHubConsumerClient(
            EventHubConsumerClient.DefaultConsumerGroupName,
            Connection,
            new EventHubConsumerClientOptions { RetryOptions = Endpoint.Retry(0) });
    }

    /// <summary>The hub's identity: <see cref="HubSettings.Identity"/>, by default <c>host/name</c>.</summary>
    public string Hub => Endpoint.Identity;

    internal HubEndpoint Endpoint { get; }

    internal HubSettings Settings { get; }

    internal TimeProvider Time { get; }

    internal ILogger Logger { get; }

    internal UndecodableLog Undecodable { get; }

    /// <summary>Shared by all that asks and sends; who reads for long has one of its own.</summary>
    internal EventHubConnection Connection { get; }

    /// <summary>Asks the hub for its partitions. One attempt.</summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses; the message says what to do.</exception>
    public Task<EventHubProperties> GetHubAsync(CancellationToken cancellationToken) =>
        SortedAsync(() => _asking.GetEventHubPropertiesAsync(cancellationToken), cancellationToken);

    /// <summary>Asks the hub where a partition begins and ends. One attempt.</summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses; the message says what to do.</exception>
    public Task<PartitionProperties> GetPartitionAsync(string partition, CancellationToken cancellationToken) =>
        SortedAsync(() => _asking.GetPartitionPropertiesAsync(partition, cancellationToken), cancellationToken);

    /// <summary>
    /// Checks that a consumer group is there and that the key may listen to it, without disturbing who reads in it. One attempt.
    /// </summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses; the message says what to do.</exception>
    public async Task CheckConsumerGroupAsync(string consumerGroup, string partition, CancellationToken cancellationToken)
    {
        try
        {
            await using var receiver = new PartitionReceiver(
                consumerGroup,
                partition,
                EventPosition.Latest,
                Connection,
                new PartitionReceiverOptions { RetryOptions = Endpoint.Retry(0), PrefetchCount = 0 });
            await SortedAsync(() => receiver.ReceiveBatchAsync(1, Glance, cancellationToken), cancellationToken);
        }
        catch (HubException exception) when (exception.Failure == HubFailure.PartitionTaken)
        {
            // A worker owns the partition, so that nobody may read beside it: the group is there, and the key was good enough to be told
            // so.
        }
        catch (HubException exception) when (exception.Failure == HubFailure.NotFound)
        {
            throw new HubException(
                HubFailure.NotFound,
                $"{Endpoint.Address} has no consumer group '{consumerGroup}'. Add it to the hub's built-in endpoint, or name one that "
                    + "is there.",
                exception);
        }
    }

    /// <summary>Closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _asking.DisposeAsync();
        await Connection.DisposeAsync();
    }

    /// <summary>Does something with the hub, and sorts what goes wrong.</summary>
    internal async Task<T> SortedAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw HubException.From(exception, Endpoint);
        }
    }
}
