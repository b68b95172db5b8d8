using System.ComponentModel.DataAnnotations;

namespace Ingest.Settings;

/// <summary>How small batches merge into one transaction: section <c>Commit</c>.</summary>
public sealed class CommitSettings
{
    public const string Section = "Commit";

    /// <summary>Most readings in one transaction. Default: 5,000; the message that passes it still belongs to it.</summary>
    [Range(1, 100_000)]
    public int MaxRows { get; set; } = 5_000;

    /// <summary>Most bytes in one transaction: bodies, and the text and JSON taken from them. Default: 8 MiB.</summary>
    [Range(1_024, 256 * 1024 * 1024)]
    public int MaxBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>
    /// How long a batch waits for others while a transaction could already run, in milliseconds. Default: 0, an idle writer commits at
    /// once.
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
    /// How many readings of a flush must find their time and device stored before it can be refused: it is where more than half of them
    /// have other values than what is stored. Default: 1,000; a replay uses 100.
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
