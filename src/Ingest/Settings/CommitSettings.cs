using System.ComponentModel.DataAnnotations;

namespace Ingest.Settings;

/// <summary>How small batches merge into one transaction: section <c>Commit</c>.</summary>
public sealed class CommitSettings
{
    public const string Section = "Commit";

    /// <summary>Most readings in one transaction. Default: 5,000; the message that exceeds it is still included.</summary>
    [Range(1, 100_000)]
    public int MaxRows { get; set; } = 5_000;

    /// <summary>Most bytes in one transaction: bodies, and the text and JSON taken from them. Default: 8 MiB.</summary>
    [Range(1_024, 256 * 1024 * 1024)]
    public int MaxBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>
    /// How long an idle writer waits for more batches before it starts a transaction, in milliseconds. Default: 0, it commits at once.
    /// </summary>
    [Range(0, 10_000)]
    public int MaxDelayMilliseconds { get; set; }

    /// <summary>
    /// Give up and throw when the database has not taken a batch for this long, in seconds. Default: 0, never (the worker).
    /// </summary>
    [Range(0, 86_400)]
    public int GiveUpAfterSeconds { get; set; }

    /// <summary>Store the flush even where it contradicts what is stored (a changed mapping). Default: false.</summary>
    public bool AcceptDifferences { get; set; }

    /// <summary>
    /// A flush is refused if at least this many of its readings have a stored row of the same time and device, and more than half of these
    /// have other values. Default: 1,000; a replay uses 100.
    /// </summary>
    [Range(1, 1_000_000)]
    public int DifferencesToRefuse { get; set; } = 1_000;

    /// <summary>
    /// Transactions at a time; a partition always goes to the same writer. Default: 1. More help where the server answers slowly and has
    /// cores to spare; each needs a connection.
    /// </summary>
    [Range(1, 64)]
    public int Writers { get; set; } = 1;

    /// <summary>
    /// Whether most readings are expected to be stored already, so that each flush compares first: a replay. Default: false.
    /// </summary>
    public bool ExpectDuplicates { get; set; }
}
