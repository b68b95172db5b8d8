namespace Ingest.LocalHub.Storage;

/// <summary>What an attached reader still needs of a partition, and how it is told of new events. Owned by the log.</summary>
internal sealed class ReaderClaim(bool ofDefaultGroup, Action wake)
{
    public bool OfDefaultGroup => ofDefaultGroup;

    public Action Wake => wake;

    /// <summary>The sequence number of the first event it has not passed.</summary>
    public long Needed { get; set; }
}
