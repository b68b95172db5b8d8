using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ingest.Sources.Archives;

/// <summary>An archive in a local folder and the folders below it.</summary>
public sealed class FolderArchive : Archive
{
    // What cannot be looked at is an error, and a link may lead anywhere, or in a circle.
    private static readonly EnumerationOptions Everything = new()
    {
        RecurseSubdirectories = true,
        IgnoreInaccessible = false,
        AttributesToSkip = FileAttributes.ReparsePoint,
    };

    /// <exception cref="ArchiveException">There is no such folder.</exception>
    public FolderArchive(string folder)
    {
        Name = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (!Directory.Exists(Name))
        {
            throw new ArchiveException(
                File.Exists(Name)
                    ? $"'{Name}' is a file: name its folder, and the file with --prefix."
                    : $"There is no folder '{Name}'. Name one with --archive, or the URL of a container of blobs.");
        }
    }

    public override string Name { get; }

    public override int FilesAtATime => 4;

    public override async IAsyncEnumerable<ArchiveFile> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var file in await Task.Run(() => List(prefix), cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return file;
        }
    }

    public override Task<Stream> OpenAsync(ArchiveFile file, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Task.FromResult<Stream>(
            new FileStream(PathOf(file.Name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
    }

    public override Task<ArchiveFile?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var file = new FileInfo(PathOf(name));
        return Task.FromResult(file.Exists ? Describe(file) : null);
    }

    public override string? Explain(Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => "it was there when the archive was listed, and is gone now",
        IOException or UnauthorizedAccessException => $"it cannot be read: {exception.Message}",
        _ => null,
    };

    private List<ArchiveFile> List(string prefix)
    {
        try
        {
            return [.. new DirectoryInfo(Name).EnumerateFiles("*", Everything).Select(Describe).Where(
                file => file.Name.StartsWith(prefix, StringComparison.Ordinal))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ArchiveException($"The folder '{Name}' cannot be listed: {exception.Message}", exception);
        }
    }

    private ArchiveFile Describe(FileInfo file) => new(
        Path.GetRelativePath(Name, file.FullName).Replace(Path.DirectorySeparatorChar, '/'),
        file.Length,
        string.Create(CultureInfo.InvariantCulture, $"{file.Length}-{file.LastWriteTimeUtc.Ticks}"));

    private string PathOf(string name) => Path.Combine(Name, name.Replace('/', Path.DirectorySeparatorChar));
}
