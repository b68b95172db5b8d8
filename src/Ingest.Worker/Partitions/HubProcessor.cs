using Azure.Core;
using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Processor;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Ownership;

namespace Ingest.Worker.Partitions;

/// <summary>
/// Microsoft's processor, which shares the partitions with the other workers and reads ours, with our <see cref="PartitionWorker"/>s below it.
/// </summary>
internal sealed class HubProcessor : PluggableCheckpointStoreEventProcessor<EventProcessorPartition>
{
    // So often a partition's reader shows that it lives, and silence can be told from quiet.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(2);

    private readonly HubClient _client;
    private readonly Func<string, PartitionWorker> _partitions;
    private readonly Outage _hubOutage;

    /// <param name="client">The hub.</param>
    /// <param name="name">The worker's name for this run.</param>
    /// <param name="store">Ownership, and where partitions start.</param>
    /// <param name="partitions">The worker of a partition.</param>
    /// <param name="hubOutage">Told when the hub cannot be asked, and when it can again.</param>
    public HubProcessor(HubClient client, string name, CheckpointStore store, Func<string, PartitionWorker> partitions, Outage hubOutage)
        : base(
            store,
            client.Settings.MaxBatchEvents,
            client.Settings.ConsumerGroup,
            client.Endpoint.Host,
            client.Endpoint.Name,
            NoCredential.Instance,
            OptionsOf(client, name))
    {
        _client = client;
        _partitions = partitions;
        _hubOutage = hubOutage;
    }

    /// <summary>What the client calls the link of a partition's reader.</summary>
    public static string ReaderOf(string name, string partition) => $"P{partition}-{name}";

    protected override EventHubConnection CreateConnection() => _client.Endpoint.Connect();

    // Done by the start-up check, in words.
    protected override Task ValidateProcessingPreconditions(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task<string[]> ListPartitionIdsAsync(EventHubConnection connection, CancellationToken cancellationToken)
    {
        var all = await base.ListPartitionIdsAsync(connection, cancellationToken);
        _hubOutage.Ends();
        return _client.Settings.Partitions.Count == 0 ? all : [.. all.Intersect(_client.Settings.Partitions)];
    }

    protected override Task OnInitializingPartitionAsync(EventProcessorPartition partition, CancellationToken cancellationToken) =>
        _partitions(partition.PartitionId).InitializeAsync(cancellationToken);

    protected override Task OnProcessingEventBatchAsync(IEnumerable<EventData> events, EventProcessorPartition partition, CancellationToken cancellationToken) =>
        _partitions(partition.PartitionId).AcceptAsync(events as IReadOnlyList<EventData> ?? [.. events], cancellationToken);

    // At once: what is under way is waited for where the partition is claimed again or given up, and the processor does not wait here in order.
    protected override Task OnPartitionProcessingStoppedAsync(EventProcessorPartition partition, ProcessingStoppedReason reason, CancellationToken cancellationToken)
    {
        _partitions(partition.PartitionId).Progress.Left();
        return Task.CompletedTask;
    }

    protected override Task OnProcessingErrorAsync(Exception exception, EventProcessorPartition? partition, string operationDescription, CancellationToken cancellationToken)
    {
        if (Chain(exception).Any(static known => known is PartitionRestartException or Checkpoints.CheckpointFencedException or OwnershipUnavailableException or OperationCanceledException))
        {
            // Told where it happened.
            return Task.CompletedTask;
        }

        if (partition is null)
        {
            if (!IsSlowCycle(exception))
            {
                _hubOutage.Begins(exception, TimeSpan.FromSeconds(_client.Settings.LoadBalancingIntervalSeconds));
            }

            return Task.CompletedTask;
        }

        var worker = _partitions(partition.PartitionId);
        if (HubException.IsUndecodable(exception))
        {
            worker.Distrust(exception);
        }
        else
        {
            worker.Progress.Failed(HubException.From(Chain(exception).FirstOrDefault(static known => known is HubException) ?? exception, _client.Endpoint));
        }

        return Task.CompletedTask;
    }

    private static EventProcessorOptions OptionsOf(HubClient client, string name)
    {
        var settings = client.Settings;
        return new EventProcessorOptions
        {
            Identifier = name,
            PrefetchCount = settings.PrefetchEvents,
            PrefetchSizeInBytes = settings.PrefetchBytes,
            MaximumWaitTime = Heartbeat,
            TrackLastEnqueuedEventProperties = false,
            LoadBalancingStrategy = LoadBalancingStrategy.Greedy,
            LoadBalancingUpdateInterval = TimeSpan.FromSeconds(settings.LoadBalancingIntervalSeconds),
            PartitionOwnershipExpirationInterval = TimeSpan.FromSeconds(settings.OwnershipExpirySeconds),
            RetryOptions = new EventHubsRetryOptions { CustomRetryPolicy = new ClientRetry(settings) },
        };
    }

    private static IEnumerable<Exception> Chain(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
    }

    // The processor tells of a slow look at the ownership in the form of an exception. It is none: the store that was slow has been reported.
    private static bool IsSlowCycle(Exception exception) =>
        exception is EventHubsException { Reason: EventHubsException.FailureReason.GeneralError, InnerException: null, IsTransient: true };

    /// <summary>Never asked: every connection is the endpoint's own.</summary>
    private sealed class NoCredential : TokenCredential
    {
        public static readonly NoCredential Instance = new();

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
