namespace Ingest.Sources.Archives;

/// <summary>A file of an archive as it was when the archive was listed.</summary>
/// <param name="Name">Its path in the archive, with <c>/</c> between folders.</param>
/// <param name="Length">Its bytes; what it grows by later is not read.</param>
/// <param name="Version">Another one where the content is another: length and time of the last change, or an ETag.</param>
/// <param name="Obstacle">Why it cannot be read before somebody does something, and what; or null.</param>
public sealed record ArchiveFile(string Name, long Length, string Version, string? Obstacle = null);
