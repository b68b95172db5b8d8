using Ingest.Checkpoints;
using Ingest.Events;

namespace Ingest.Cli.Commands;

/// <summary>How far the workers of a consumer group have read a hub's partitions.</summary>
internal sealed class WorkersProgress
{
    private readonly Dictionary<string, long> _read = new(StringComparer.Ordinal);

    public void Take(string hub, string consumerGroup, IEnumerable<StoredCheckpoint> checkpoints)
    {
        foreach (var checkpoint in checkpoints)
        {
            if (checkpoint.Partition.Hub == hub
                && string.Equals(checkpoint.Partition.ConsumerGroup, consumerGroup, StringComparison.OrdinalIgnoreCase))
            {
                _read[checkpoint.Partition.Partition] = checkpoint.Position?.SequenceNumber ?? -1;
            }
        }
    }

    /// <summary>Whether the checkpoint of a message's partition is before it. Not, if there is none: another program may read it.</summary>
    public bool IsBefore(RawEvent message) =>
        _read.TryGetValue(message.Partition, out var read) && message.SequenceNumber > read;
}
