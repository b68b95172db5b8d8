using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub.Nodes;

/// <summary>The hub's partitions, and which one an event goes to.</summary>
internal sealed class HubPartitions(IReadOnlyList<PartitionLog> logs)
{
    private int _turn = -1;

    public IReadOnlyList<PartitionLog> Logs => logs;

    public PartitionLog? Find(string partition) => logs.FirstOrDefault(l => l.Partition == partition);

    /// <summary>The partition of a key, always the same one; null where there is no key.</summary>
    public PartitionLog? For(ReadOnlySpan<byte> key)
    {
        if (key.Length == 0)
        {
            return null;
        }

        // FNV-1a: the same from run to run, unlike string.GetHashCode.
        var hash = 2166136261u;
        foreach (var b in key)
        {
            hash = unchecked((hash ^ b) * 16777619u);
        }

        return logs[(int)(hash % (uint)logs.Count)];
    }

    /// <summary>The partition whose turn it is.</summary>
    public PartitionLog Next() => logs[(int)((uint)Interlocked.Increment(ref _turn) % (uint)logs.Count)];

    public bool HoldIfAnyIsFull(Action wake)
    {
        foreach (var log in logs)
        {
            if (log.HoldIfFull(wake))
            {
                return true;
            }
        }

        return false;
    }
}
