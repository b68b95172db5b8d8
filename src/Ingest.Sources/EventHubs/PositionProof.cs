using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Primitives;
using Ingest.Checkpoints;
using Ingest.Sources.Diagnostics;

namespace Ingest.Sources.EventHubs;

/// <summary>Where reading a partition goes on.</summary>
/// <param name="At">The place.</param>
/// <param name="NumberingRestarted">The hub no longer knows what was read last: the first sequence number says nothing about what came before.</param>
/// <param name="BeginSequenceNumber">The oldest event that the hub still has: what was before it and not read is missed.</param>
internal sealed record ReadingStart(StartAt At, bool NumberingRestarted, long BeginSequenceNumber);

/// <summary>
/// Proves a position before it is used: the event at it is read again and must bear the sequence number and the stamp that were stored.
/// A hub that was made anew, or restored elsewhere, is read from the event's stamp.
/// </summary>
/// <param name="client">The hub.</param>
/// <param name="consumerGroup">The group that goes on reading.</param>
/// <param name="ownerLevel">The owner level to read with; a hub refuses readers without one beside those that have one.</param>
internal sealed class PositionProof(HubClient client, string consumerGroup, long? ownerLevel)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    /// <summary>One attempt.</summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses.</exception>
    public async Task<ReadingStart> StartAfterAsync(string partition, Position? last, CancellationToken cancellationToken)
    {
        var now = await client.GetPartitionAsync(partition, cancellationToken);
        if (last is null)
        {
            await TryAsync(partition, cancellationToken);
            return new ReadingStart(StartAt.Earliest, NumberingRestarted: false, now.BeginningSequenceNumber);
        }

        if (last.SequenceNumber > now.LastEnqueuedSequenceNumber)
        {
            return ByTime(partition, last, now);
        }

        if (now.BeginningSequenceNumber > last.SequenceNumber)
        {
            return AfterRetention(now);
        }

        if (await IsThereAsync(partition, last, cancellationToken))
        {
            return new ReadingStart(StartAt.After(last.Offset), NumberingRestarted: false, now.BeginningSequenceNumber);
        }

        // Retention may have taken the event since the partition was asked where it begins, so it is asked again before anything is concluded.
        now = await client.GetPartitionAsync(partition, cancellationToken);
        return now.BeginningSequenceNumber > last.SequenceNumber ? AfterRetention(now) : ByTime(partition, last, now);
    }

    // Everything that is left comes after it.
    private static ReadingStart AfterRetention(PartitionProperties now) => new(StartAt.Earliest, NumberingRestarted: false, now.BeginningSequenceNumber);

    private ReadingStart ByTime(string partition, Position last, PartitionProperties now)
    {
        SourcesLog.PositionUnknown(client.Logger, client.Hub, partition, last.SequenceNumber, last.EnqueuedTime);
        return new ReadingStart(StartAt.Since(last.EnqueuedTime), NumberingRestarted: true, now.BeginningSequenceNumber);
    }

    // Nothing to prove, but whether the partition may be read at all: Microsoft's processor does not tell of a reader that has a higher owner level.
    private async Task TryAsync(string partition, CancellationToken cancellationToken)
    {
        try
        {
            await ReadAsync(partition, StartAt.Earliest, Glance, cancellationToken);
        }
        catch (Exception exception) when (HubException.IsUndecodable(exception))
        {
            // It may.
        }
    }

    private async Task<bool> IsThereAsync(string partition, Position last, CancellationToken cancellationToken)
    {
        try
        {
            if (await ReadAsync(partition, StartAt.Offset(last.Offset), Patience, cancellationToken) is { } found)
            {
                return found.SequenceNumber == last.SequenceNumber && found.EnqueuedTime.UtcDateTime == last.EnqueuedTime;
            }
        }
        catch (HubException exception) when (exception.Failure == HubFailure.PositionUnknown)
        {
            return false;
        }
        catch (Exception exception) when (HubException.IsUndecodable(exception))
        {
            // The event is one that the client cannot read, and was stepped over before.
        }

        await using var raw = await RawPartitionReader.OpenAsync(client, consumerGroup, partition, StartAt.Offset(last.Offset), ownerLevel, cancellationToken);
        return await raw.ReceiveAsync(Patience, cancellationToken) is { } bytes
            && UndecodableMessage.SystemPropertiesOf(bytes) is var system
            && system.SequenceNumber == last.SequenceNumber && system.EnqueuedTime == last.EnqueuedTime;
    }

    private async Task<EventData?> ReadAsync(string partition, StartAt start, TimeSpan wait, CancellationToken cancellationToken)
    {
        await using var connection = client.Endpoint.Connect();
        await using var receiver = new PartitionReceiver(
            consumerGroup,
            partition,
            start.Position,
            connection,
            new PartitionReceiverOptions { OwnerLevel = ownerLevel, PrefetchCount = 1, RetryOptions = client.Endpoint.Retry(0) });
        try
        {
            return (await receiver.ReceiveBatchAsync(1, wait, cancellationToken)).FirstOrDefault();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && !HubException.IsUndecodable(exception))
        {
            throw HubException.From(exception, client.Endpoint);
        }
    }
}
