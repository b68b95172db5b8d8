using Ingest.Checkpoints;
using Npgsql;

namespace Ingest.Sources.Archives;

/// <summary>
/// That this process replays an archive, told to others by a row that is renewed. It keeps two from doing the same work; what keeps them
/// from harm is that a file's checkpoint moves for the one alone that claimed it last.
/// </summary>
public sealed class ArchiveClaim : IAsyncDisposable
{
    /// <summary>What stands in the place of a partition.</summary>
    private const string All = "";

    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(3);

    // A process that lives has renewed several times by then.
    private static readonly TimeSpan Expiry = TimeSpan.FromSeconds(15);

    private readonly PartitionOwnerTable _owners;
    private readonly string _archive;
    private readonly string _group;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly Task _renewing;
    private PartitionOwner _mine;

    private ArchiveClaim(PartitionOwnerTable owners, PartitionOwner mine, TimeProvider clock)
    {
        _owners = owners;
        (_archive, _group, _) = mine.Partition;
        _clock = clock;
        _mine = mine;
        _renewing = RenewAsync();
    }

    /// <summary>Cancelled when another process has taken over.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Claims the archive; one that a process has left without giving it up is free after a quarter of a minute.</summary>
    /// <param name="owners">Where claims are kept.</param>
    /// <param name="archive">The archive's name.</param>
    /// <param name="group">See <see cref="ArchiveReplayOptions.ConsumerGroup"/>.</param>
    /// <param name="tell">Told why it waits.</param>
    /// <param name="clock">For the intervals.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="ArchiveException">Another process is at it.</exception>
    public static async Task<ArchiveClaim> TakeAsync(
        PartitionOwnerTable owners,
        string archive,
        string group,
        Action<string> tell,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(owners);
        ArgumentNullException.ThrowIfNull(tell);
        var me = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():N}";
        long? firstVersion = null;
        while (true)
        {
            var seen = await owners.ListAsync(archive, group, cancellationToken) is [var row] ? row : null;
            if (seen is null || seen.Owner.Length == 0 || seen.Age >= Expiry)
            {
                var claimed = await owners.ClaimAsync(archive, group, [new OwnerClaim(All, me, seen?.Version)], cancellationToken);
                if (claimed.Count == 1)
                {
                    return new ArchiveClaim(owners, claimed[0], clock);
                }

                continue;
            }

            if (firstVersion is null)
            {
                tell($"another replay of this archive has begun at {seen.OwnedSince:u}; looking whether it still runs");
            }

            if (seen.Version != (firstVersion ??= seen.Version))
            {
                throw new ArchiveException(
                    $"Another replay of {archive} into this table and range is under way, as {seen.Owner}, since {seen.OwnedSince:u}. Wait "
                        + "for its end, or stop it; this command then goes on where it ended.");
            }

            await Task.Delay(TimeSpan.FromSeconds(1), clock, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _renewing;
        if (!_lost.IsCancellationRequested)
        {
            await TryClaimAsync("");
        }

        _end.Dispose();
        _lost.Dispose();
    }

    private async Task RenewAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            await Task.Delay(RenewEvery, _clock, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_end.IsCancellationRequested && await TryClaimAsync(_mine.Owner) == false)
            {
                await _lost.CancelAsync();
                return;
            }
        }
    }

    // Null where the database does not answer: then nobody else can take it either.
    private async Task<bool?> TryClaimAsync(string owner)
    {
        try
        {
            var claimed = await _owners.ClaimAsync(
                _archive, _group, [new OwnerClaim(All, owner, _mine.Version)], CancellationToken.None);
            if (claimed.Count == 0)
            {
                return false;
            }

            _mine = claimed[0];
            return true;
        }
        catch (NpgsqlException)
        {
            return null;
        }
    }
}
