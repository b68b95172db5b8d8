using System.Text.RegularExpressions;
using Ingest.Sources.Archives.Formats;
using Ingest.Sources.EventHubs;

namespace Ingest.Sources.Archives;

/// <summary>What there is to read, found before anything is.</summary>
/// <param name="Archive">The archive.</param>
/// <param name="Files">Its files, in the order of the times in their paths.</param>
/// <param name="Pruned">How many files the path template leaves out, as they cannot hold anything of the range.</param>
public sealed partial record ArchivePlan(Archive Archive, IReadOnlyList<ArchiveFile> Files, int Pruned)
{
    // Some at the begin: with a codec or a writer of another time, it is the later ones that are found when they are read.
    private const int FilesToTry = 3;

    public long Bytes { get; private init; } = Files.Sum(file => file.Length);

    /// <summary>Lists the archive.</summary>
    /// <exception cref="ArchiveException">It cannot be listed.</exception>
    public static async Task<ArchivePlan> MakeAsync(Archive archive, string prefix, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(archive);
        List<ArchiveFile> files = [];
        await foreach (var file in archive.ListAsync(prefix, cancellationToken))
        {
            files.Add(file);
        }

        // By time over all partitions: what is compared with stored rows is read from the table by stretches of time, and once is enough.
        return new ArchivePlan(
            archive,
            [.. files.OrderBy(file => FromYear(file.Name), StringComparer.Ordinal).ThenBy(file => file.Name, StringComparer.Ordinal)],
            Pruned: 0);
    }

    /// <summary>Leaves out the files whose paths say that they hold nothing of the range.</summary>
    public ArchivePlan Prune(PathTemplate template, ReplayRange range)
    {
        ArgumentNullException.ThrowIfNull(template);
        List<ArchiveFile> kept = [.. Files.Where(file => template.MayHold(file.Name, range))];
        return this with { Files = kept, Bytes = kept.Sum(file => file.Length), Pruned = Files.Count - kept.Count };
    }

    /// <summary>Why the stamps of the archive cannot equal those of live rows, by its first messages; or null.</summary>
    public async Task<string?> FindOtherStampsAsync(ArchiveReplayOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var tried = 0;
        using var large = new LargeBlocks();
        foreach (var file in Files.Where(file => file.Obstacle is null && file.Length > 0))
        {
            try
            {
                await using var messages = await ArchiveFileReader.OpenAsync(Archive, file, options, large, cancellationToken);
                if (await messages.ReadAsync(cancellationToken) is null)
                {
                    continue;
                }
            }
            catch (OtherStampsException exception)
            {
                return $"{file.Name}: {exception.Message}";
            }
            catch (Exception exception) when (exception is UnreadableFileException || Archive.Explain(exception) is not null)
            {
                // Found again, and told, when the file's turn comes.
            }

            if (++tried == FilesToTry)
            {
                break;
            }
        }

        return null;
    }

    [GeneratedRegex(@"(?<!\d)20\d\d(?!\d)")]
    private static partial Regex Year();

    private static string FromYear(string path) => Year().Match(path) is { Success: true } year ? path[year.Index..] : path;
}
