namespace Ingest.TestSupport.Archives;

/// <summary>An archive in a temporary folder.</summary>
public sealed class ArchiveFolder : IDisposable
{
    private int _files;

    public string Path { get; } = Directory.CreateTempSubdirectory("ingest-archive-").FullName;

    /// <summary>Adds a file under a name like the ones that routing gives.</summary>
    /// <returns>Its name in the archive.</returns>
    public string Add(byte[] content) => Add(FormattableString.Invariant($"hub/0/2026/05/01/12/{_files++:00000}"), content);

    public string Add(string name, byte[] content)
    {
        var file = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, content);
        return name;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
