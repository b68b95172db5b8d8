namespace Ingest.Checkpoints;

/// <summary>
/// How the places in an archive's files are kept in the table <c>checkpoints</c>: the archive is the hub, a file a partition, a message's
/// number in the file its sequence number, and the file's version the offset.
/// </summary>
public static class ArchiveCheckpoints
{
    /// <summary>How the consumer group begins. No hub's does.</summary>
    public const string Group = "$archive";

    private const string EndMark = "end of ";

    /// <summary>The offset of a place in a file that has more.</summary>
    public static string Within(string version) => version;

    /// <summary>The offset of a place at which the file ends.</summary>
    public static string AtEnd(string version) => EndMark + version;

    /// <summary>Whether this is a place in this version of the file, and whether it is its end.</summary>
    public static (bool IsSame, bool IsEnd) Compare(Position? position, string version) => (
        position?.Offset == Within(version) || position?.Offset == AtEnd(version), position?.Offset == AtEnd(version));
}
