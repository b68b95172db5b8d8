using Ingest.TestSupport.Files;
using Xunit;

namespace Ingest.Tests.Repository;

/// <summary>Lines fit beside each other on a screen.</summary>
public sealed class LineLengthTests
{
    private const int Longest = 140;

    [Fact]
    public void No_line_of_code_is_longer_than_140_characters_but_in_a_raw_literal()
    {
        var tooLong = new[] { "src", "tests" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            .SelectMany(LongLines)
            .ToList();

        Assert.True(tooLong.Count == 0, string.Join(Environment.NewLine, tooLong));
    }

    private static IEnumerable<string> LongLines(string file)
    {
        var inLiteral = false;
        var number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            var quotes = line.Split("\"\"\"").Length - 1;
            if (line.Length > Longest && quotes == 0 && !inLiteral)
            {
                yield return $"{Path.GetRelativePath(RepositoryFiles.Root, file)}({number}): {line.Length} characters";
            }

            inLiteral ^= quotes % 2 == 1;
        }
    }
}
