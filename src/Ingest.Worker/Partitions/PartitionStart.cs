using Ingest.Checkpoints;
using Ingest.Sources.EventHubs;

namespace Ingest.Worker.Partitions;

/// <summary>How reading a partition begins: its checkpoint is claimed, and proven. Both go on until they succeed.</summary>
internal sealed class PartitionStart(PartitionContext context, PartitionKey key, PartitionProgress progress, long ownerLevel)
{
    private readonly PositionProof _proof = new(context.Client, key.ConsumerGroup, ownerLevel);

    /// <summary>Claims the checkpoint, so that nobody who claimed it before can move it.</summary>
    public async Task<StoredCheckpoint> ClaimAsync(CancellationToken cancellationToken)
    {
        var (client, outage) = (context.Client, context.ClaimOutage);
        var retry = PatientRetry.ForClaiming(TimeSpan.FromSeconds(client.Settings.MaxRetryDelaySeconds), client.Time, outage.Begins);

        // Claiming twice is harmless: the epoch grows once more.
        var claims = await retry.ExecuteAsync(
            async token => await context.Claim(key.Hub, key.ConsumerGroup, [key.Partition], token), cancellationToken);
        outage.Ends();
        return claims[0];
    }

    /// <summary>Proves where the checkpoint stands.</summary>
    public async Task<ReadingStart> ProveAsync(Position? position, CancellationToken cancellationToken)
    {
        var client = context.Client;
        var retry = PatientRetry.ForReading(
            TimeSpan.FromSeconds(client.Settings.MaxRetryDelaySeconds), client.Time, (exception, _) => progress.Failed(exception));
        return await retry.ExecuteAsync(async token => await _proof.StartAfterAsync(key.Partition, position, token), cancellationToken);
    }
}
