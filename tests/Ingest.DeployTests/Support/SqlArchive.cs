using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Ingest.DeployTests.Support;

/// <summary>What a migration carries with it: scripts as base64 of a tar.gz.</summary>
internal static class SqlArchive
{
    public static string OfRepository() =>
        Of(
            Directory.EnumerateFiles(Path.Combine(DeployFolder.Root, "sql")).Select(
                path => (Path.GetFileName(path), File.ReadAllText(path))));

    public static string Of(IEnumerable<(string Name, string Text)> scripts)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip))
        {
            foreach (var (name, text) in scripts)
            {
                tar.WriteEntry(
                    new PaxTarEntry(TarEntryType.RegularFile, $"./{name}") { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
            }
        }

        return Convert.ToBase64String(bytes.ToArray());
    }
}
