using Azure.Messaging.EventHubs;
using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Reads an event hub again through the pipeline, without checkpoints and without owning anything. Needs a consumer group of its own: a hub
/// refuses readers without an epoch in the worker's.
/// </summary>
public sealed class HubReplay
{
    private readonly HubClient _client;
    private readonly string _consumerGroup;
    private readonly EventFields _fields;
    private readonly ProcessEvents _process;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _events = new(StringComparer.Ordinal);
    private ReplayProgress _progress = new(0, 0, 0, default);

    /// <param name="client">The hub; disposed by whoever made it.</param>
    /// <param name="consumerGroup">The replay's own consumer group.</param>
    /// <param name="workerConsumerGroup">The consumer group the worker reads in.</param>
    /// <param name="fields">What of a message the pipeline asks for.</param>
    /// <param name="process">The pipeline; given no checkpoint.</param>
    /// <exception cref="ArgumentException">Both groups are the same.</exception>
    public HubReplay(HubClient client, string consumerGroup, string workerConsumerGroup, EventFields fields, ProcessEvents process)
    {
        if (string.Equals(consumerGroup, workerConsumerGroup, StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException(
                $"A replay needs a consumer group of its own, and '{consumerGroup}' is the worker's. Add one to the hub's built-in "
                    + "endpoint and name it.",
                nameof(consumerGroup));
        }

        _client = client;
        _consumerGroup = consumerGroup;
        _fields = fields;
        _process = process;
    }

    /// <summary>
    /// Until when retention has taken messages of a partition that the range would have held, by the latest such partition; null where the
    /// hub still had all of it.
    /// </summary>
    public DateTime? GoneUntil { get; private set; }

    /// <summary>Reads the range through the pipeline.</summary>
    /// <param name="range">Which stamps.</param>
    /// <param name="partition">One partition; null for all.</param>
    /// <param name="progress">Told after each batch, from any thread; or null.</param>
    /// <param name="cancellationToken">Ends the replay; what was processed stays.</param>
    /// <returns>Where the readings ended; gaps in the sequence numbers count as missed.</returns>
    /// <exception cref="HubException">No such partition, or the hub refuses.</exception>
    public async Task<ReadingCounts> RunAsync(
        ReplayRange range, string? partition, IProgress<ReplayProgress>? progress, CancellationToken cancellationToken)
    {
        var hub = await _client.GetHubAsync(cancellationToken);
        if (partition is not null && !hub.PartitionIds.Contains(partition))
        {
            throw new HubException(
                HubFailure.NotFound, $"{_client.Hub} has no partition {partition}; it has {string.Join(", ", hub.PartitionIds)}.");
        }

        // The ends as they are now: what is sent while the replay runs is the worker's.
        var ends = new List<PartitionProperties>();
        foreach (var id in partition is null ? hub.PartitionIds : [partition])
        {
            ends.Add(await _client.GetPartitionAsync(id, cancellationToken));
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = ends.Select(end => RunAsync(range, end, progress, ending)).ToList();
        try
        {
            await Task.WhenAll(running);
        }
        catch (OperationCanceledException) when (running.Find(task => task.IsFaulted) is { } failed)
        {
            // The first to fail ended the others.
            await failed;
        }

        return _progress.Counts;
    }

    private async Task RunAsync(
        ReplayRange range, PartitionProperties end, IProgress<ReplayProgress>? progress, CancellationTokenSource ending)
    {
        if (end.IsEmpty && end.LastEnqueuedSequenceNumber >= 0)
        {
            Gone(end.LastEnqueuedTime.UtcDateTime);
        }

        if (end.IsEmpty || end.LastEnqueuedSequenceNumber < 0 || end.LastEnqueuedTime.UtcDateTime < range.ReadFrom)
        {
            return;
        }

        try
        {
            await ReadAsync(range, end, progress, ending.Token);
        }
        catch
        {
            await ending.CancelAsync();
            throw;
        }
    }

    private async Task ReadAsync(
        ReplayRange range, PartitionProperties end, IProgress<ReplayProgress>? progress, CancellationToken cancellationToken)
    {
        await using var reader = new ReplayReader(_client, _consumerGroup, _fields, StartAt.Since(range.ReadFrom), end);
        long? last = null;
        while (await reader.TakeAsync(cancellationToken) is { } events)
        {
            if (last is null)
            {
                Expect(end.Id, end.LastEnqueuedSequenceNumber - events[0].SequenceNumber!.Value + 1);
                if (events[0].SequenceNumber > 0 && events[0].SequenceNumber == end.BeginningSequenceNumber)
                {
                    Gone(Stamp(events[0]));
                }
            }

            var missed = 0L;
            var wanted = new List<RawEvent>(events.Count);
            var finished = false;
            var read = 0;
            foreach (var received in events)
            {
                var sequenceNumber = received.SequenceNumber!.Value;
                if (sequenceNumber > end.LastEnqueuedSequenceNumber || range.IsPast(Stamp(received)))
                {
                    finished = true;
                    break;
                }

                read++;
                missed += SequenceGap.Between(last, sequenceNumber);
                last = sequenceNumber;
                if (range.Contains(received.RowTime ?? Stamp(received)))
                {
                    wanted.Add(received);
                }
            }

            var counts = new ReadingCounts(Missed: missed);
            if (wanted.Count > 0)
            {
                counts += (await _process(wanted, null, cancellationToken)).Counts;
            }

            Report(progress, read, wanted.Count, counts);
            if (finished || last >= end.LastEnqueuedSequenceNumber)
            {
                return;
            }
        }
    }

    // Where the hub itself gave no stamp, none bounds the range.
    private static DateTime Stamp(RawEvent received) => received.EnqueuedTime ?? received.RowTime ?? DateTime.UnixEpoch;

    private void Gone(DateTime until)
    {
        lock (_lock)
        {
            GoneUntil = GoneUntil > until ? GoneUntil : until;
        }
    }

    private void Expect(string partition, long events)
    {
        lock (_lock)
        {
            _events[partition] = events;
            _progress = _progress with { EventsInAll = _events.Values.Sum() };
        }
    }

    private void Report(IProgress<ReplayProgress>? progress, int read, int wanted, ReadingCounts counts)
    {
        lock (_lock)
        {
            _progress = _progress with
            {
                EventsRead = _progress.EventsRead + read,
                EventsWanted = _progress.EventsWanted + wanted,
                Counts = _progress.Counts + counts,
            };
            progress?.Report(_progress);
        }
    }
}
