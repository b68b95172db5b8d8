using System.Text.RegularExpressions;
using Ingest.TestSupport.Files;
using Xunit;

namespace Ingest.Tests.Repository;

/// <summary>What the repository itself promises to whoever builds it.</summary>
public sealed partial class SecurityTests
{
    private static readonly string Root = RepositoryFiles.Root;

    [Fact]
    public void Actions_are_pinned_by_commit()
    {
        var uses = Directory.GetFiles(Path.Combine(Root, ".github", "workflows"))
            .SelectMany(File.ReadLines)
            .Where(line => line.Contains("uses:", StringComparison.Ordinal))
            .ToList();

        Assert.NotEmpty(uses);
        Assert.All(uses, line => Assert.Matches(Pinned(), line));
    }

    [Fact]
    public void Every_test_that_the_security_notes_name_exists()
    {
        var tests = string.Concat(Directory.GetFiles(Path.Combine(Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var named = TestName().Matches(File.ReadAllText(Path.Combine(Root, "SECURITY.md"))).Select(match => match.Groups[1].Value).ToList();

        Assert.True(named.Count > 20, "the notes name no tests any more");
        Assert.All(named, name => Assert.Contains($" {name}(", tests, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")]
    private static partial Regex Pinned();

    [GeneratedRegex("`([A-Z][a-z]*_[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();
}
