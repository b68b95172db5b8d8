using Ingest.Checkpoints;

namespace Ingest.TestSupport.Faults;

/// <summary>Who owns the hub's partitions, as the table of the owners and the workers themselves say.</summary>
internal sealed class PartitionShares(FaultStage stage, ReaderWatch watch)
{
    private readonly PartitionOwnerTable _table = new(stage.Owner);

    public Task<IReadOnlyList<PartitionOwner>> OwnersAsync(CancellationToken cancellationToken) => _table.ListAsync(cancellationToken);

    /// <summary>
    /// Waits until every partition has one living owner who reads it, and no worker has two partitions more than another.
    /// </summary>
    /// <returns>Who owns them.</returns>
    /// <exception cref="FaultException">It does not come to that.</exception>
    public async Task<IReadOnlyList<PartitionOwner>> BecomeEvenAsync(int workers, CancellationToken cancellationToken)
    {
        IReadOnlyList<PartitionOwner> owners = [];
        string? problem = null;
        await stage.UntilAsync(
            () => $"the partitions are shared evenly, each by one living worker: {problem}",
            async () =>
            {
                owners = await OwnersAsync(cancellationToken);
                return (problem = Problem(owners, workers)) is null;
            },
            cancellationToken);
        return owners;
    }

    /// <summary>Nobody has lost or won a partition.</summary>
    /// <exception cref="FaultException">Somebody has.</exception>
    public async Task AreStillAsync(IReadOnlyList<PartitionOwner> before, string why, CancellationToken cancellationToken)
    {
        var was = before.ToDictionary(owner => owner.Partition, owner => (owner.Owner, owner.OwnedSince));
        var moved = (await OwnersAsync(cancellationToken)).Where(owner => was[owner.Partition] != (owner.Owner, owner.OwnedSince)).ToList();
        Promise.Check(
            moved.Count == 0,
            $"{moved.Count} partitions have moved {why}: " + string.Join(", ", moved.Select(Move)));

        string Move(PartitionOwner owner) => $"{owner.Partition.Partition} from '{was[owner.Partition].Owner}' to '{owner.Owner}'";
    }

    /// <returns>What is not as it must be; null: nothing.</returns>
    private string? Problem(IReadOnlyList<PartitionOwner> owners, int workers)
    {
        var views = watch.Staying;
        if (owners.Count != stage.Hub.Partitions.Count)
        {
            return $"{owners.Count} of {stage.Hub.Partitions.Count} partitions have ever had an owner";
        }

        foreach (var owner in owners)
        {
            var partition = owner.Partition.Partition;
            if (!views.Any(view => view.Name == owner.Owner))
            {
                return $"partition {partition} is owned by '{owner.Owner}', which does not live";
            }

            var readers = views.Where(view => view.Assigned.Contains(partition)).ToList();
            if (readers is not [var reader] || reader.Name != owner.Owner || !reader.Attached.Contains(partition))
            {
                return $"partition {partition} is owned by '{owner.Owner}', and read by "
                    + $"'{string.Join("', '", readers.Select(view => view.Name))}'";
            }
        }

        var shares = views.Select(view => view.Assigned.Count).Order().ToList();
        return shares.Count == workers
            && shares[^1] - shares[0] <= 1 ? null : $"{shares.Count} workers have {string.Join(", ", shares)} partitions";
    }
}
