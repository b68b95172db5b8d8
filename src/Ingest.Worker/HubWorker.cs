using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.Events;
using Ingest.Failures;
using Ingest.Sources;
using Ingest.Sources.Diagnostics;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Diagnostics;
using Ingest.Worker.Ownership;
using Ingest.Worker.Partitions;

namespace Ingest.Worker;

/// <summary>
/// Takes an event hub's partitions through the pipeline, together with every other worker of its consumer group: each reads a share, and
/// takes over what another leaves. Each batch is committed with its move of the partition's checkpoint, which one worker alone can move.
/// </summary>
public sealed class HubWorker : IDisposable
{
    // Time to copy positions, and then to give the partitions up.
    private static readonly TimeSpan PatienceAtTheEnd = 2 * WorkerStore.PatienceAtTheEnd;

    private readonly HubClient _client;
    private readonly EventFields _fields;
    private readonly ClaimPartitions _claim;
    private readonly ProcessEvents _process;
    private readonly CheckpointStore _ownership;
    private readonly Meter _meter = new(SourcesMetrics.Name);
    private readonly ConcurrentDictionary<string, PartitionWorker> _partitions = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<Exception> _fatal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _undone = new();
    private readonly PositionCopies? _copies;
    private readonly Outage _hubOutage;
    private readonly Outage _claimOutage;
    private readonly Outage _ownershipOutage;
    private volatile bool _hasStarted;

    /// <param name="client">The hub; disposed by whoever made it.</param>
    /// <param name="fields">What of a message the pipeline asks for.</param>
    /// <param name="claim">Claims partitions in the checkpoint store.</param>
    /// <param name="process">The pipeline.</param>
    /// <param name="ownership">Where the workers agree on who reads what.</param>
    public HubWorker(HubClient client, EventFields fields, ClaimPartitions claim, ProcessEvents process, CheckpointStore ownership)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _fields = fields;
        _claim = claim;
        _process = process;
        _ownership = ownership;
        _hubOutage = OutageOf(Describe, WorkerLog.Unreachable);
        _claimOutage = OutageOf(DescribeDatabase, WorkerLog.NotClaimed);
        _ownershipOutage = OutageOf(DescribeDatabase, WorkerLog.OwnershipUnavailable);

        // Where the database has the ownership, it has the positions themselves beside it.
        _copies = ownership is DatabaseOwnership ? null : new PositionCopies(client, ownership, Name);
        _meter.CreateObservableGauge("ingest.partition.lag.messages", LagMessages, "{message}", "Messages in the hub and not yet durable");
        _meter.CreateObservableGauge(
            "ingest.partition.lag.seconds", LagSeconds, "s", "Age of the last durable message while there are newer ones");
        _meter.CreateObservableGauge(
            "ingest.worker.partitions",
            () => Partitions.Count,
            "{partition}",
            "Partitions that this worker reads");
    }

    /// <summary>The worker's name for this run, which tells it from all others: machine, process and chance.</summary>
    public string Name { get; } = string.Create(
        CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}");

    /// <summary>What the hub is called.</summary>
    public string Hub => _client.Hub;

    /// <summary>How each partition stands that this worker reads.</summary>
    public IReadOnlyList<PartitionStatus> Partitions =>
        [.. from partition in _partitions.Values
            where partition.Progress.IsAssigned
            orderby partition.Partition.Length, partition.Partition
            select partition.Progress.Status()];

    /// <summary>Where the readings of this run ended, of all partitions that this worker has read.</summary>
    public ReadingCounts Counts =>
        _partitions.Values.Aggregate(default(ReadingCounts), (sum, partition) => sum + partition.Progress.Counts);

    /// <summary>What keeps the worker from its partitions; null where nothing does.</summary>
    public string? WaitsFor =>
        _hubOutage.Reason ?? _claimOutage.Reason ?? _ownershipOutage.Reason ?? (_hasStarted ? null : "It has not started yet.");

    /// <summary>Reads until told to stop. Outages of the hub, and of the database, are waited out.</summary>
    /// <param name="stopReceiving">
    /// Receive no more; what was handed over is still made durable, then partitions are given up and the method returns.
    /// </param>
    /// <param name="abandon">Give up what is not durable yet.</param>
    /// <exception cref="OperationCanceledException"><paramref name="abandon"/> was cancelled.</exception>
    /// <exception cref="Exception">What the pipeline cannot go on with.</exception>
    public async Task RunAsync(CancellationToken stopReceiving, CancellationToken abandon)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var stop = stopReceiving.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), stopped);
        await using var abandoning = abandon.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _undone);
        await using var undoing = _undone.Token.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), stopped);
        using var finished = CancellationTokenSource.CreateLinkedTokenSource(_undone.Token);
        var processor = Processor();
        await processor.StartProcessingAsync(CancellationToken.None);
        _hasStarted = true;
        WorkerLog.Started(_client.Logger, Name, _client.Hub, _client.Settings.ConsumerGroup);
        var watching = Task.WhenAll(
            WatchEndsAsync(finished.Token),
            _copies?.RunAsync(
                () => _partitions.Values.Where(static partition => partition.Progress.IsAssigned),
                finished.Token) ?? Task.CompletedTask);
        await stopped.Task;

        await EndAsync(processor, watching, finished);
        foreach (var partition in _partitions.Values)
        {
            partition.Progress.Left();
            LinkWatch.End(HubProcessor.ReaderOf(Name, partition.Partition));
        }

        if (_fatal.Task.IsCompleted)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(await _fatal.Task);
        }

        abandon.ThrowIfCancellationRequested();
    }

    /// <summary>Ends its gauges.</summary>
    public void Dispose()
    {
        _meter.Dispose();
        _undone.Dispose();
    }

    private HubProcessor Processor()
    {
        var context = new PartitionContext(_client, _fields, _claim, _process, IsMineAsync, _claimOutage, Fail, _undone.Token);
        var store = new WorkerStore(
            _ownership,
            _client.Settings,
            partition => _partitions[partition].Start.Position,
            GivingUpAsync,
            _ownershipOutage,
            _client.Time);
        return new HubProcessor(
            _client,
            Name,
            store,
            partition => _partitions.GetOrAdd(partition, id => new PartitionWorker(context, id, HubProcessor.ReaderOf(Name, id))),
            _hubOutage);
    }

    /// <summary>
    /// Ends the worker. What else is under way may wait for a database that stays away, and is given up: it is read again after the
    /// restart.
    /// </summary>
    private void Fail(Exception exception)
    {
        if (_fatal.TrySetResult(exception))
        {
            _ = _undone.CancelAsync();
        }
    }

    private async Task<bool> IsMineAsync(string partition, CancellationToken cancellationToken)
    {
        try
        {
            var owners = await _ownership.ListOwnershipAsync(
                _client.Endpoint.Host, _client.Endpoint.Name, _client.Settings.ConsumerGroup, cancellationToken);
            return owners.Any(owner => owner.PartitionId == partition && owner.OwnerIdentifier == Name);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The processor's own looks meet the same failure, and report it.
            throw new OwnershipUnavailableException(exception.Message, exception);
        }
    }

    private async Task GivingUpAsync(IEnumerable<string> partitions, CancellationToken cancellationToken)
    {
        await DrainAsync();
        if (_copies is not null)
        {
            await _copies.FinishAsync(
                partitions.Select(partition => _partitions.GetValueOrDefault(partition)).OfType<PartitionWorker>(),
                cancellationToken);
        }
    }

    private async Task DrainAsync()
    {
        foreach (var partition in _partitions.Values)
        {
            await partition.DrainAsync();
        }
    }

    private async Task EndAsync(HubProcessor processor, Task watching, CancellationTokenSource finished)
    {
        // Once everything is given up, what hangs there (a token that does not come, a link that does not close) holds up nothing either.
        using var patience = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _client.Time);
        await using var undoing =
            _undone.Token.UnsafeRegister(static state => ((CancellationTokenSource)state!).CancelAfter(PatienceAtTheEnd), patience);
        try
        {
            await StopAsync(processor).WaitAsync(patience.Token);
            await finished.CancelAsync();
            await watching.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            WorkerLog.NotGivenUp(_client.Logger, Name, "it took too long at the end");
        }
    }

    private async Task StopAsync(HubProcessor processor)
    {
        try
        {
            await processor.StopProcessingAsync(CancellationToken.None);
        }
        catch (Exception exception)
        {
            // The partitions are not given up, and expire.
            WorkerLog.NotGivenUp(_client.Logger, Name, exception.Message);
        }

        await DrainAsync();
    }

    private async Task WatchEndsAsync(CancellationToken finished)
    {
        try
        {
            while (true)
            {
                foreach (var partition in _partitions.Values.Where(partition => partition.Progress.IsAssigned))
                {
                    await WatchEndAsync(partition, finished);
                }

                await Task.Delay(TimeSpan.FromSeconds(_client.Settings.LagIntervalSeconds), _client.Time, finished);
            }
        }
        catch (OperationCanceledException) when (finished.IsCancellationRequested)
        {
        }
    }

    private async Task WatchEndAsync(PartitionWorker partition, CancellationToken finished)
    {
        try
        {
            partition.Progress.EndIs((await _client.GetPartitionAsync(partition.Partition, finished)).LastEnqueuedSequenceNumber);
        }
        catch (HubException exception)
        {
            // The partition's reader meets the same failure, and reports it.
            WorkerLog.EndUnknown(_client.Logger, _client.Hub, partition.Partition, exception.Message);
        }
    }

    private Outage OutageOf(
        Func<Exception, Obstacle> describe, Action<Microsoft.Extensions.Logging.ILogger, string, string, TimeSpan> begins) => new(
        describe,
        (obstacle, delay) => begins(_client.Logger, _client.Hub, obstacle.Sentence, delay),
        (obstacle, delay) => WorkerLog.WaitingStill(_client.Logger, _client.Hub, obstacle.Sentence, delay),
        took => WorkerLog.GoingOn(_client.Logger, _client.Hub, took),
        _client.Time);

    private Obstacle Describe(Exception exception)
    {
        var failure = HubException.From(exception, _client.Endpoint);
        return new Obstacle(failure.Message, failure.NeedsOperator);
    }

    private static Obstacle DescribeDatabase(Exception exception)
    {
        var failure = PostgresFailure.Of(exception);
        return new Obstacle(failure.Sentence, failure.Kind == FailureKind.OperatorMistake);
    }

    private IEnumerable<Measurement<long>> LagMessages() =>
        from status in Partitions
        where status.LagEvents is not null
        select new Measurement<long>(status.LagEvents ?? 0, Tags(status.Partition));

    private IEnumerable<Measurement<double>> LagSeconds() =>
        from status in Partitions
        where status.Lag is not null
        select new Measurement<double>((status.Lag ?? TimeSpan.Zero).TotalSeconds, Tags(status.Partition));

    private System.Diagnostics.TagList Tags(string partition) =>
        SourcesMetrics.Tags(_client.Hub, _client.Settings.ConsumerGroup, partition, "receive");
}
