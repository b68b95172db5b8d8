using System.Diagnostics;
using Azure.Messaging.EventHubs;
using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources;
using Ingest.Sources.Diagnostics;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Diagnostics;

namespace Ingest.Worker.Partitions;

/// <summary>What the partitions of a worker share.</summary>
/// <param name="Client">The hub.</param>
/// <param name="Fields">What of a message the pipeline asks for.</param>
/// <param name="Claim">Claims a partition's checkpoint.</param>
/// <param name="Process">The pipeline.</param>
/// <param name="IsMine">Whether the store that the workers share says that a partition is this worker's.</param>
/// <param name="ClaimOutage">Told when the checkpoint cannot be claimed, and when it can again.</param>
/// <param name="Fatal">Told of a failure that ends the worker.</param>
/// <param name="Abandon">Gives up what is not durable yet.</param>
internal sealed record PartitionContext(
    HubClient Client,
    EventFields Fields,
    ClaimPartitions Claim,
    ProcessEvents Process,
    Func<string, CancellationToken, Task<bool>> IsMine,
    Ownership.Outage ClaimOutage,
    Action<Exception> Fatal,
    CancellationToken Abandon);

/// <summary>
/// Takes a partition's events through the pipeline, batch by batch, each with its move of the checkpoint, for as long as the partition is
/// this worker's. Reading stands on proven ground: whatever may have moved it (a connection made anew, a gap, an event that the client
/// cannot read) ends the reading, and the partition is claimed and its position proved again.
/// </summary>
/// <remarks><see cref="InitializeAsync"/> and <see cref="AcceptAsync"/> are called by one task at a time; the rest by anybody.</remarks>
internal sealed class PartitionWorker
{
    // Microsoft's processor reads with this one.
    private const long OwnerLevel = 0;

    private const int MostSteps = 20_000;
    private static readonly TimeSpan StepPatience = TimeSpan.FromSeconds(2);

    // Times that the hub was quiet although it is known to hold more.
    private const int SilencesBeforeStepping = 2;

    private readonly PartitionContext _context;
    private readonly string _reader;
    private readonly PartitionKey _key;
    private readonly PartitionStart _start;
    private readonly EventMapping _mapping;
    private readonly BatchChain _batches = new();
    private readonly EventSequence _sequence = new();
    private long _epoch;
    private long? _handedOver;
    private int _steps = SteppingReader.StepsPastTrouble;
    private int _silences;
    private long _nothingUpTo = -1;
    private volatile bool _distrusted;
    private volatile bool _fenced;

    public PartitionWorker(PartitionContext context, string partition, string reader)
    {
        _context = context;
        _reader = reader;
        var client = context.Client;
        _key = new PartitionKey(client.Hub, client.Settings.ConsumerGroup, partition);
        _mapping = new EventMapping(client.Hub, partition, context.Fields);
        Progress = new PartitionProgress(client, partition);
        _start = new PartitionStart(context, _key, Progress, OwnerLevel);
    }

    public string Partition => _key.Partition;

    public PartitionProgress Progress { get; }

    /// <summary>Where the client is to read; known once initialised.</summary>
    public StartAt Start { get; private set; } = StartAt.Earliest;

    /// <summary>Claims the partition's checkpoint and proves where it stands.</summary>
    public async Task InitializeAsync(CancellationToken cancellationToken)
    {
        Progress.Assigned();
        await _batches.DrainAsync().WaitAsync(cancellationToken);
        if (_fenced && !await _context.IsMine(Partition, cancellationToken))
        {
            throw new PartitionRestartException("another worker has the partition, which the next look at the ownership tells");
        }

        _fenced = false;
        var claim = await _start.ClaimAsync(cancellationToken);
        _epoch = claim.Epoch;
        _handedOver = claim.Position?.SequenceNumber;
        _silences = 0;
        Progress.Claimed(claim);

        var start = await _start.ProveAsync(claim.Position, cancellationToken);
        Start = start.At;
        _sequence.Begin(_handedOver, start);
        _nothingUpTo = -1;

        // Where no number is due, one that is left out would not be noticed.
        if (_distrusted || start.NumberingRestarted)
        {
            await StepAsync(cancellationToken);
        }

        LinkWatch.Begin(_reader);
    }

    /// <summary>Takes what the client received; nothing, where it waited in vain.</summary>
    /// <exception cref="PartitionRestartException">The partition must be initialised again.</exception>
    public async Task AcceptAsync(IReadOnlyList<EventData> received, CancellationToken cancellationToken)
    {
        try
        {
            if (LinkWatch.Count(_reader) > 1)
            {
                throw Restart("the connection was made anew", distrust: false);
            }

            await _batches.RoomAsync(cancellationToken);
            if (received.Count == 0)
            {
                await QuietAsync(cancellationToken);
                return;
            }

            _silences = 0;
            if (_sequence.Map(received, _mapping, out var events) is { } fault)
            {
                throw Restart(fault, distrust: true);
            }

            Progress.Reading();
            HandOver(events);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing of this reading may be under way when the next one claims.
            await _batches.DrainAsync();
            throw;
        }
    }

    /// <summary>Waits until nothing is under way.</summary>
    public Task DrainAsync() => _batches.DrainAsync();

    /// <summary>The client failed over an event: it is read one by one after the next initialisation.</summary>
    public void Distrust(Exception exception)
    {
        _distrusted = true;
        Progress.Interrupted($"the client cannot read an event: {exception.Message}");
    }

    /// <summary>Reads one by one until the trouble is behind.</summary>
    private async Task StepAsync(CancellationToken cancellationToken)
    {
        var client = _context.Client;
        var end = (await client.GetPartitionAsync(Partition, cancellationToken)).LastEnqueuedSequenceNumber;
        await using var reader = await SteppingReader.OpenAsync(
            client, _key.ConsumerGroup, Partition, Start, OwnerLevel, _context.Fields, cancellationToken);

        // What does not say where it stands is committed with the next that does: a checkpoint is a place. Where it is the partition's
        // last, the next is waited for here, as it would be the first again in every other reading.
        List<RawEvent> unplaced = [];
        var (steps, trouble) = (_steps, false);
        for (var left = steps; unplaced.Count > 0 || (left > 0 && _sequence.Last < end);)
        {
            if (await reader.NextAsync(StepPatience, cancellationToken) is not { } found)
            {
                if (unplaced.Count > 0)
                {
                    Progress.Reading();
                    continue;
                }

                // Nothing is to be read up to there from where reading stands: events before the stamp that it began at.
                _nothingUpTo = end;
                break;
            }

            trouble |= found.Undecodable is not null;
            left = found.Undecodable is null ? left - 1 : steps;
            unplaced.Add(found);
            if (found.Offset is { } offset)
            {
                await _batches.RoomAsync(cancellationToken);
                HandOver([.. unplaced]);
                Start = StartAt.After(offset);
                unplaced.Clear();
            }
        }

        // A device that goes on sending such messages is not met with a new start for each of them.
        _steps = trouble ? Math.Min(steps * 2, MostSteps) : SteppingReader.StepsPastTrouble;
        _distrusted = false;
    }

    /// <summary>The client waited and nothing came: there is nothing, or it cannot read what there is.</summary>
    private async Task QuietAsync(CancellationToken cancellationToken)
    {
        Progress.Reading();
        var last = _sequence.Last;
        if (!Progress.HasMoreAfter(Math.Max(last, _nothingUpTo)) || ++_silences < SilencesBeforeStepping)
        {
            return;
        }

        var now = await _context.Client.GetPartitionAsync(Partition, cancellationToken);
        Progress.EndIs(now.LastEnqueuedSequenceNumber);
        if (now.LastEnqueuedSequenceNumber > Math.Max(last, _nothingUpTo) && !now.IsEmpty)
        {
            throw Restart($"nothing comes, and the hub holds events after {last}", distrust: true);
        }
    }

    private PartitionRestartException Restart(string why, bool distrust)
    {
        _distrusted |= distrust;
        Progress.Interrupted(why);
        return new PartitionRestartException(why);
    }

    private void HandOver(RawEvent[] events)
    {
        var last = events[^1];
        var to = new Position(last.Offset!, last.SequenceNumber!.Value, last.EnqueuedTime ?? last.RowTime ?? DateTime.UnixEpoch);
        var missed = 0L;
        foreach (var (missing, next) in _sequence.Take(events))
        {
            WorkerLog.Missed(_context.Client.Logger, _key.Hub, Partition, missing, next);
            missed += missing;
        }

        var checkpoint = new Checkpoint(_key, _epoch, _handedOver, to, missed);
        _handedOver = to.SequenceNumber;
        _batches.Add(ProcessAsync(Progress.HandedOver(events.Length), events, checkpoint));
    }

    private async Task ProcessAsync(long batch, RawEvent[] events, Checkpoint checkpoint)
    {
        using var activity = SourcesMetrics.StartProcessing(_key, events.Length);
        var started = _context.Client.Time.GetTimestamp();
        BatchResult result;
        try
        {
            result = await _context.Process(events, checkpoint, _context.Abandon);
        }
        catch (Exception exception)
        {
            Progress.NotDurable(events.Length);
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            if (exception is CheckpointFencedException fenced)
            {
                _fenced |= fenced.HasNewerOwner;
                WorkerLog.Fenced(_context.Client.Logger, _key.Hub, Partition, fenced.Message);
            }
            else if (!_context.Abandon.IsCancellationRequested)
            {
                _context.Fatal(exception);
            }

            throw;
        }

        SourcesMetrics.Processed(_key, events.Length, _context.Client.Time.GetElapsedTime(started));
        Progress.Durable(batch, events.Length, checkpoint.To, result.Counts);
    }
}
