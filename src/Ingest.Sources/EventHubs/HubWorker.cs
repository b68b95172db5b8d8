using System.Diagnostics.Metrics;
using Ingest.Checkpoints;
using Ingest.Settings;
using Ingest.Sources.Diagnostics;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Takes an event hub's partitions through the pipeline, as their one owner: each batch is committed with its move of the partition's
/// checkpoint. The newcomer wins: a worker that starts takes the partitions, and the one that had them ends.
/// </summary>
public sealed class HubWorker : IDisposable
{
    private readonly HubClient _client;
    private readonly TimeSource _timeSource;
    private readonly ClaimPartitions _claim;
    private readonly ProcessEvents _process;
    private readonly Meter _meter = new(SourcesMetrics.Name);
    private readonly ClaimOutage _outage;
    private volatile IReadOnlyList<PartitionWorker> _partitions = [];

    /// <param name="client">The hub; disposed by whoever made it.</param>
    /// <param name="timeSource">Which stamp is the row's time.</param>
    /// <param name="claim">Claims the partitions in the checkpoint store.</param>
    /// <param name="process">The pipeline.</param>
    public HubWorker(HubClient client, TimeSource timeSource, ClaimPartitions claim, ProcessEvents process)
    {
        _client = client;
        _timeSource = timeSource;
        _claim = claim;
        _process = process;
        _outage = new ClaimOutage(client);
        _meter.CreateObservableGauge("ingest.partition.lag.messages", LagMessages, "{message}", "Messages in the hub and not yet durable");
        _meter.CreateObservableGauge("ingest.partition.lag.seconds", LagSeconds, "s", "Age of the last durable message while there are newer ones");
    }

    /// <summary>How each partition stands; empty until they are claimed.</summary>
    public IReadOnlyList<PartitionStatus> Partitions => [.. _partitions.Select(partition => partition.Status())];

    /// <summary>Why the partitions are not claimed yet; null while nothing stands in the way, and once they are.</summary>
    public string? WaitsFor => _outage.Reason;

    /// <summary>Reads until told to stop. Outages of the hub, and of the database, are waited out.</summary>
    /// <param name="stopReceiving">Receive no more; what was received is still made durable, then the method returns.</param>
    /// <param name="abandon">Give up what is not durable yet.</param>
    /// <exception cref="OwnershipLostException">Another worker has taken over: end, and do not start again by yourself.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="abandon"/> was cancelled.</exception>
    public async Task RunAsync(CancellationToken stopReceiving, CancellationToken abandon)
    {
        IReadOnlyList<StoredCheckpoint> claims;
        try
        {
            claims = await ClaimAsync(stopReceiving);
        }
        catch (Exception exception) when (stopReceiving.IsCancellationRequested
            && (exception is OperationCanceledException or HubException || ClaimPolicy.Passes(exception)))
        {
            return;
        }

        var partitions = claims.Select(claim => new PartitionWorker(_client, _timeSource, claim, _process)).ToList();
        _partitions = partitions;
        SourcesLog.Claimed(_client.Logger, _client.Hub, _client.Settings.ConsumerGroup, partitions.Count);

        // One partition's end is the end of all: the others would only be taken from us, or run into the same wall.
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(abandon);
        using var finished = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        var watching = WatchEndsAsync(partitions, finished.Token);
        var running = partitions.Select(partition => RunAsync(partition, ending, stopReceiving)).ToList();
        try
        {
            await Task.WhenAll(running);
        }
        catch (Exception) when (Failure(running) is { } failure)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
        finally
        {
            await finished.CancelAsync();
            await watching;
        }
    }

    /// <summary>Ends its gauges.</summary>
    public void Dispose() => _meter.Dispose();

    // The first to fail made the others end by cancellation, which is no reason of its own.
    private static Exception? Failure(IEnumerable<Task> running)
    {
        var failures = running.Where(task => task.IsFaulted).Select(task => task.Exception!.InnerException!).ToList();
        return failures.Find(failure => failure is OwnershipLostException) ?? failures.FirstOrDefault();
    }

    private async Task<IReadOnlyList<StoredCheckpoint>> ClaimAsync(CancellationToken stopReceiving)
    {
        var settings = _client.Settings;
        IReadOnlyList<string> partitions = [.. settings.Partitions];
        if (partitions.Count == 0)
        {
            var reconnect = ReconnectPolicy.ForReading(
                TimeSpan.FromSeconds(settings.MaxRetryDelaySeconds),
                _client.Time,
                _outage.Unreachable);
            partitions = (await reconnect.ExecuteAsync(async token => await _client.GetHubAsync(token), stopReceiving)).PartitionIds;
            _outage.Ends();
        }

        // Claiming twice is harmless: the epoch grows once more.
        var claiming = ClaimPolicy.Create(
            TimeSpan.FromSeconds(settings.MaxRetryDelaySeconds),
            _client.Time,
            _outage.NotClaimed);
        var claims = await claiming.ExecuteAsync(
            async token => await _claim(_client.Hub, settings.ConsumerGroup, partitions, token), stopReceiving);
        _outage.Ends();
        return claims;
    }

    private async Task RunAsync(PartitionWorker partition, CancellationTokenSource ending, CancellationToken stopReceiving)
    {
        await using var running = partition;
        try
        {
            await partition.RunAsync(stopReceiving, ending.Token);
        }
        catch (Exception exception)
        {
            if (exception is OwnershipLostException)
            {
                SourcesLog.OwnershipLost(_client.Logger, _client.Hub, partition.Partition, exception.Message);
            }

            await ending.CancelAsync();
            throw;
        }
    }

    private async Task WatchEndsAsync(List<PartitionWorker> partitions, CancellationToken finished)
    {
        try
        {
            while (true)
            {
                foreach (var partition in partitions)
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
            partition.EndIs((await _client.GetPartitionAsync(partition.Partition, finished)).LastSequenceNumber);
        }
        catch (HubException exception)
        {
            // The partition's reader meets the same failure, and reports it.
            SourcesLog.EndUnknown(_client.Logger, _client.Hub, partition.Partition, exception.Message);
        }
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
